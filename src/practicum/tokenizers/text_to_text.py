"""What a text-to-text model reads and writes (Raffel et al. 2019, §2.4): a text and its end token.

    "The <extra_id_0> walks"  →  ids of "The", a sentinel, ids of "walks", the end token
    ids of an answer          →  its text; the end token, and rows that no token has, are nothing

An answer begins after a token of its own, which for T5 is the padding. Sentinels, by which such a
model is asked to fill gaps, are tokens wherever a text has them; any other special token's text is
text, unless `specials` says otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import Specials, Tokenizer, one_of

_SENTINEL = re.compile(r"<extra_id_\d+>")


class TextToText:
    """`tokenizer` for a model whose answers begin after the id `begin`."""

    def __init__(self, tokenizer: Tokenizer, *, begin: int) -> None:
        if tokenizer.end is None or not 0 <= begin < tokenizer.size:
            raise TokenizerError(
                f"a tokenizer of {tokenizer.size} ids with the end token {tokenizer.end}, answers "
                f"that begin after {begin}; a text-to-text model needs both"
            )
        self.tokenizer = tokenizer
        self.begin: int | None = begin
        self.end: int | None = tokenizer.end
        self.specials: Mapping[str, int] = tokenizer.specials
        sentinels = [text for text in self.specials if _SENTINEL.fullmatch(text)]
        self._sentinels = one_of(sentinels) if sentinels else None

    @property
    def size(self) -> int:
        """See `Tokenizer.size`."""
        return self.tokenizer.size

    def encode(self, text: str, *, specials: Specials = False) -> list[int]:
        """See `Tokenizer.encode`; the end token stands last."""
        assert self.end is not None, "checked when made"
        ids: list[int] = []
        for part, sentinel in self._parts(text, specials):
            if sentinel is None:
                ids += self.tokenizer.encode(part, specials=specials)
            else:
                ids.append(sentinel)
        return [*ids, self.end]

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokenizer.encode_with_offsets`; the end token stands for nothing."""
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        start = 0
        for part, sentinel in self._parts(text, specials):
            if sentinel is None:
                more, places = self.tokenizer.encode_with_offsets(part, specials=specials)
            else:
                more, places = [sentinel], [(0, len(part))]
            ids += more
            offsets += [(start + first, start + stop) for first, stop in places]
            start += len(part.encode())
        assert self.end is not None, "checked when made"
        return [*ids, self.end], [*offsets, (start, start)]

    def _parts(self, text: str, specials: Specials) -> Iterator[tuple[str, int | None]]:
        """The text around its sentinels, each with its id, unless `specials` says what is one."""
        cut = self._sentinels if specials is False else None
        parts = cut.split(text) if cut else [text]
        for place, part in enumerate(parts):
            if part:
                yield part, self.specials[part] if place % 2 else None

    def decode(self, ids: Iterable[int]) -> str:
        """See `Tokenizer.decode`."""
        return self.tokenizer.decode(self._said(ids))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """See `Tokenizer.decode_bytes`."""
        return self.tokenizer.decode_bytes(self._said(ids))

    def _said(self, ids: Iterable[int]) -> list[int]:
        return [number for number in ids if number != self.end and number < self.size]

    def piece(self, id: int) -> bytes:
        """See `Tokenizer.piece`."""
        return self.tokenizer.piece(id)

    def vocabulary(self) -> list[bytes]:
        """See `Tokenizer.vocabulary`."""
        return self.tokenizer.vocabulary()

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""
        return {
            "kind": "TextToText",
            "begin": self.begin,
            "tokenizer": self.tokenizer.description(),
        }
