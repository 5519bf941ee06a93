"""Tokens beside the model's own, found before a text is cut; and the text's normal form.

Such a token is special (`<|end|>`), so that only who asks for it gets it, or it is plain: a run of
spaces in Phi's vocabulary, one of line breaks in Gemma's. Plain ones are tokens in every text. They
are found as in the `tokenizers` library:

    1. tokens that are not `normalized`, in the text as it is
    2. between them the text is normalised
    3. the other tokens, in their own normal form, in what that gives
    4. between them the tokenizer cuts

The leftmost comes first, and of those that begin together the longest. A special token that is not
asked for is text, in which the same step finds nothing else. Not done: tokens that take the white
space beside them, and tokens that are whole words.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import PieceTokenizer, Specials, one_of
from practicum.tokenizers.unicode_forms import Form, aligned, check_form


@dataclass(frozen=True, kw_only=True)
class AddedToken:
    """One token beside the model's own."""

    text: str
    id: int
    special: bool = False  # False: a token in every text
    normalized: bool = True  # looked for in normalised text


class WithAddedTokens(PieceTokenizer):
    """`tokenizer`, to which what stands between `tokens` are texts, after these are found.

    Only those are special that `tokens` say are, whatever they are to `tokenizer`. With a `form`
    what is decoded is the text in that form, and the offsets are those of the text as it was given;
    of what is written anew, all but the last token have empty ones.

    Raises TokenizerError where one of the special tokens of `tokenizer` is not among `tokens`, a
    token's id is none, or two of them are alike once normalised.
    """

    def __init__(
        self, tokenizer: PieceTokenizer, tokens: Sequence[AddedToken], *, form: Form | None = None
    ) -> None:
        check_form(form)
        super().__init__(
            tokenizer.vocabulary(),
            {token.text: token.id for token in tokens if token.special},
            end=tokenizer.end,
            begin=tokenizer.begin,
        )
        self._id = {token.text: token.id for token in tokens}
        if len(self._id) < len(tokens):
            raise TokenizerError("an added token is given twice")
        if lacking := sorted(set(tokenizer.specials.items()) - self._id.items()):
            raise TokenizerError(
                f"{lacking[0][0]!r} is special to the tokenizer, but not among the added tokens"
            )
        for token in tokens:
            self.piece(token.id)  # which raises where there is none
        self.tokenizer = tokenizer
        self.tokens = tuple(tokens)
        self.form: Form | None = form
        self._as_given = _Finder(
            (token.text, token.text) for token in tokens if not token.normalized
        )
        self._normalized = _Finder(
            (self._normal(token.text), token.text) for token in tokens if token.normalized
        )

    def _normal(self, text: str) -> str:
        return unicodedata.normalize(self.form, text) if self.form else text

    def _encode_plain(self, text: str) -> list[int]:
        return self._encode_parts(self._parts(text, False))

    def _encode_parts(self, parts: list[str]) -> list[int]:
        ids: list[int] = []
        for place, part in enumerate(parts):
            ids += [self._id[part]] if place % 2 else self.tokenizer._encode_parts([part])
        return ids

    def _parts(self, text: str, specials: Specials) -> list[str]:
        left = self._left(text, specials)
        parts: list[str] = []
        for place, part in enumerate(self._as_given.cut(text, left)):
            parts += [part] if place % 2 else self._normalized.cut(self._normal(part), left)
        return parts

    def _left(self, text: str, specials: Specials) -> Collection[str]:
        """The special tokens that are text here."""
        if isinstance(specials, bool):
            return () if specials else self.specials
        self._refuse_others(text, specials)
        return set(self.specials).difference(() if isinstance(specials, str) else specials)

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokenizer.encode_with_offsets`."""
        ids = self.encode(text, specials=specials)
        left = self._left(text, specials)
        offsets: list[tuple[int, int]] = []
        start = 0
        for place, part in enumerate(self._as_given.cut(text, left)):
            stop = start + len(part.encode())
            if place % 2:
                offsets.append((start, stop))
            else:
                normal, places = aligned(part, self.form)
                spans = self._spans(self._normalized.cut(normal, left))
                offsets += [(start + places[first], start + places[last]) for first, last in spans]
            start = stop
        return ids, offsets

    def _spans(self, parts: list[str]) -> Iterator[tuple[int, int]]:
        """The bytes [start, stop) of the joined, normalised parts that each id stands for."""
        start = 0
        for place, part in enumerate(parts):
            size = len((self._normal(part) if place % 2 else part).encode())
            within = [(0, size)] if place % 2 else self.tokenizer.encode_with_offsets(part)[1]
            yield from ((start + first, start + last) for first, last in within)
            start += size

    def decode(self, ids: Iterable[int]) -> str:
        """See `Tokenizer.decode`."""
        return self.tokenizer.decode(ids)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """See `Tokenizer.decode_bytes`."""
        return self.tokenizer.decode_bytes(ids)

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""
        return {
            "kind": "WithAddedTokens",
            "tokenizer": self.tokenizer.description(),
            "tokens": [asdict(token) for token in self.tokens],
            "form": self.form,
        }

    def __getstate__(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer, "tokens": self.tokens, "form": self.form}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


class _Finder:
    """Finds texts, each of which stands for a token."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, str] = {}
        for text, token in names:
            if other := self._names.get(text):
                raise TokenizerError(f"the added tokens {other!r} and {token!r} are read alike")
            self._names[text] = token
        self._pattern: re.Pattern[str] | None = one_of(self._names) if self._names else None

    def cut(self, text: str, left: Collection[str]) -> list[str]:
        """`text` around the tokens in it, which are the odd parts; those `left` stay text."""
        parts: list[str] = []
        start = 0
        for found in self._pattern.finditer(text) if self._pattern else ():
            token = self._names[found.group()]
            if token not in left:
                parts += [text[start : found.start()], token]
                start = found.end()
        return [*parts, text[start:]]
