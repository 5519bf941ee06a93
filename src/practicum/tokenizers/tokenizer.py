"""What a tokenizer is: the joint that corpora, models, decoding and serving lean on.

`PieceTokenizer` is the half that every byte-lossless tokenizer shares: ids stand for byte strings
("pieces"), and text is the concatenation of its pieces. Not here: normalising, lower-casing or
prefix spaces. What goes in comes out.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any, Literal, Protocol

from practicum.errors import TokenizerError, UnknownName

Specials = bool | Literal["refuse"] | Collection[str]
"""What the text of a special token is where a text holds it.

False: plain text like any other, which is the only safe reading of what strangers wrote. True: the
token. "refuse": an error that says where it stands. A collection of special tokens: these are
tokens, and any other is an error. (tiktoken's `allowed_special` and `disallowed_special`; its
default is "refuse".)
"""


class Tokenizer(Protocol):
    """Text ↔ ids, losslessly: `decode(encode(text)) == text` for every text it encodes."""

    @property
    def size(self) -> int:
        """Number of ids, special tokens included."""
        ...

    @property
    def specials(self) -> Mapping[str, int]:
        """Special tokens: their text and their id."""
        ...

    @property
    def end(self) -> int | None:
        """The id that ends a text; None if there is none."""
        ...

    @property
    def begin(self) -> int | None:
        """The id that a model wants before every text, or None. `encode` does not add it."""
        ...

    def encode(self, text: str, *, specials: Specials = False) -> list[int]:
        """Ids of `text`; what the texts of special tokens are in it, see `Specials`."""
        ...

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids and, for each, the bytes [start, stop) of `text.encode()` that it stands for."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`, specials as theirs; bytes that are not UTF-8 become U+FFFD."""
        ...

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of `ids`, whatever they are."""
        ...

    def piece(self, id: int) -> bytes:
        """The bytes one id stands for."""
        ...

    def vocabulary(self) -> list[bytes]:
        """All pieces, by id."""
        ...

    def description(self) -> dict[str, Any]:
        """JSON data, equal exactly when two tokenizers are; small enough for a fingerprint."""
        ...


class PieceTokenizer(ABC):
    """Everything but the splitting of plain text, from the list of pieces and the special tokens.

    Raises TokenizerError from every method that takes ids when an id is outside [0, size), and from
    `encode` when the text holds a lone surrogate, which no bytes express.
    """

    def __init__(
        self,
        pieces: Sequence[bytes],
        specials: Mapping[str, int],
        *,
        end: int | None,
        begin: int | None,
    ) -> None:
        for text, number in specials.items():
            if not text:
                raise TokenizerError("a special token is the empty text; give it a name")
            if not 0 <= number < len(pieces) or pieces[number] != text.encode():
                raise TokenizerError(f"id {number} is not the special token {text!r}")
        for role, number in (("end", end), ("begin", begin)):
            if number is not None and not 0 <= number < len(pieces):
                raise TokenizerError(
                    f"the {role} id is {number}; this vocabulary has ids 0 to {len(pieces) - 1}"
                )
        self._pieces = list(pieces)
        self.specials: Mapping[str, int] = dict(specials)
        self.end = end
        self.begin = begin
        self._special = one_of(self.specials)

    @abstractmethod
    def _encode_plain(self, text: str) -> list[int]: ...

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""

    @property
    def size(self) -> int:
        """Number of ids, special tokens included."""
        return len(self._pieces)

    def encode(self, text: str, *, specials: Specials = False) -> list[int]:
        """See `Tokenizer.encode`.

        Raises UnknownName where `specials` names a token that is none, and TokenizerError where the
        text holds a special token that is refused.
        """
        parts = self._parts(text, specials)
        try:
            return self._encode_parts(parts)
        except UnicodeEncodeError as problem:
            raise _surrogate(text) from problem

    def _encode_parts(self, parts: list[str]) -> list[int]:
        """Ids of the parts of a text, of which the odd ones are special tokens."""
        if len(parts) == 1:
            return self._encode_plain(parts[0]) if parts[0] else []
        ids: list[int] = []
        for place, part in enumerate(parts):
            if place % 2:
                ids.append(self.specials[part])
            elif part:
                ids += self._encode_plain(part)
        return ids

    def _parts(self, text: str, specials: Specials) -> list[str]:
        """`text` cut around the special tokens in it, which are the odd parts."""
        if specials is False:
            return [text]
        if specials is not True:
            self._refuse_others(text, specials)
        return self._special.split(text) if self.specials else [text]

    def _refuse_others(self, text: str, specials: Collection[str]) -> None:
        """Raise where `text` holds a special token that is not among `specials`."""
        if isinstance(specials, str):
            if specials != "refuse":
                raise TokenizerError(
                    f"specials is {specials!r}; give True, False, 'refuse', or a collection such "
                    f"as [{specials!r}]"
                )
            specials = ()
        allowed = {self.special(name) for name in specials}
        for found in self._special.finditer(text) if self.specials else ():
            if self.specials[found.group()] not in allowed:
                raise TokenizerError(
                    f"the text holds the special token {found.group()!r} at character "
                    f"{found.start()}; allow it by specials=True (--specials all), or read it as "
                    "plain text by specials=False (--specials none)"
                )

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokenizer.encode_with_offsets`. The offsets cover the text without gaps."""
        ids = self.encode(text, specials=specials)
        stops = list(accumulate(len(self._pieces[number]) for number in ids))
        return ids, list(zip([0, *stops], stops, strict=False))

    def decode(self, ids: Iterable[int]) -> str:
        """See `Tokenizer.decode`."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """See `Tokenizer.decode_bytes`."""
        ids, pieces = tuple(ids), self._pieces
        if ids and not 0 <= min(ids) <= max(ids) < len(pieces):
            raise self._outside(next(n for n in ids if not 0 <= n < len(pieces)))
        if len(ids) < 2:  # of which itemgetter makes no tuple
            return pieces[ids[0]] if ids else b""
        return b"".join(itemgetter(*ids)(pieces))

    def piece(self, id: int) -> bytes:
        """See `Tokenizer.piece`."""
        if not 0 <= id < len(self._pieces):
            raise self._outside(id)
        return self._pieces[id]

    def vocabulary(self) -> list[bytes]:
        """See `Tokenizer.vocabulary`."""
        return list(self._pieces)

    def special(self, text: str) -> int:
        """The id of the special token `text`. Raises UnknownName with the nearest ones."""
        if text not in self.specials:
            raise UnknownName("special token", text, self.specials)
        return self.specials[text]

    def _outside(self, id: int) -> TokenizerError:
        last = len(self._pieces) - 1
        return TokenizerError(f"id {id} is outside this vocabulary, which has ids 0 to {last}")


def one_of(texts: Iterable[str]) -> "re.Pattern[str]":
    """An expression for the longest of `texts` at a place, as its only group."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})")


def _surrogate(text: str) -> TokenizerError:
    place = next(i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff")
    return TokenizerError(
        f"character {place} is the lone surrogate U+{ord(text[place]):04X}, which UTF-8 cannot "
        "express; read the file with errors='replace'"
    )
