"""How tokenizers cut a text, side by side: pieces in colours, as data and as a drawing (SVG).

A piece that is only a part of a character, which no text shows, stands as its bytes in hexadecimal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple
from unicodedata import category, combining, east_asian_width

from practicum.evaluation.vocabulary_census import text_of
from practicum.tokenizers.tokenizer import Specials, Tokenizer

# Tints of Okabe and Ito's colours (2008), neighbours well apart; black text reads on all of them.
TINTS = ("#a8d4ee", "#f7cf9e", "#a9dfc9", "#ecc4dc", "#f3eb9b", "#f2b59b")
_SIGNS = {"\n": "↵", "\r": "␍", "\t": "⇥"}
_ROW, _COLUMN = 22, 8.4  # pixels of the drawing


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One token where it stands in a text."""

    id: int
    bytes: bytes
    special: bool

    @property
    def whole(self) -> bool:
        """Whether the bytes are characters, and not a part of one."""
        return text_of(self.bytes) is not None

    @property
    def shown(self) -> str:
        """The text of the piece, or its bytes as in "e4 bd"."""
        text = text_of(self.bytes)
        return self.bytes.hex(" ") if text is None else text


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A text as one tokenizer cuts it."""

    name: str
    pieces: tuple[Piece, ...]
    size: int  # UTF-8 bytes of the text

    @property
    def summary(self) -> str:
        """Such as "gpt2: 300 tokens, 3.1 bytes each"."""
        tokens = len(self.pieces)
        return f"{self.name}: {tokens:,} tokens, {self.size / max(1, tokens):.2f} bytes each"


def cut(name: str, tokenizer: Tokenizer, text: str, *, specials: Specials = False) -> Cut:
    """`text` in the pieces of `tokenizer`, called `name`. Raises as `Tokenizer.encode` does."""
    ids, offsets = tokenizer.encode_with_offsets(text, specials=specials)
    data, reserved = text.encode(), set(tokenizer.specials.values())
    pieces = tuple(
        Piece(id=number, bytes=data[start:stop], special=number in reserved)
        for number, (start, stop) in zip(ids, offsets, strict=True)
    )
    return Cut(name=name, pieces=pieces, size=len(data))


class Box(NamedTuple):
    """A part of a piece on one row of a drawing; rows and columns count from 0."""

    piece: int
    row: int
    column: int
    width: int
    text: str


def boxes(pieces: Sequence[Piece], columns: int) -> list[Box]:
    """The pieces in rows of `columns` columns, of which a wide character takes two."""
    found: list[Box] = []
    row = column = 0
    for number, piece in enumerate(pieces):
        start, text = column, ""
        for character in piece.shown or " ":
            width = _width(character)
            if column + width > columns:
                found.append(Box(number, row, start, column - start, text))
                row, column, start, text = row + 1, 0, 0, ""
            text += _SIGNS.get(character, character)
            column += width
            if character == "\n":
                found.append(Box(number, row, start, column - start, text))
                row, column, start, text = row + 1, 0, 0, ""
        if text:
            found.append(Box(number, row, start, column - start, text))
    return [box for box in found if box.width]


def drawing(cuts: Sequence[Cut], *, columns: int = 88) -> str:
    """The cuts one below another, as an SVG image."""
    parts: list[str] = []
    row = 0
    for one in cuts:
        parts.append(_line(row, one.summary))
        laid = boxes(one.pieces, columns)
        parts += [_box(box, one.pieces[box.piece], row + 1) for box in laid]
        row += 3 + max((box.row for box in laid), default=-1)
    width, height = _COLUMN * columns + 16, _ROW * max(1, row - 1) + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" font-family="monospace" font-size="14">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )


def _line(row: int, text: str) -> str:
    return f'<text x="8" y="{8 + _ROW * row + 15}" fill="#555">{escape(text)}</text>'


def _box(box: Box, piece: Piece, above: int) -> str:
    x, y = 8 + _COLUMN * box.column, 8 + _ROW * (above + box.row)
    width = _COLUMN * box.width
    edge = "" if piece.whole and not piece.special else ' stroke="black" stroke-dasharray="2 2"'
    text = escape(box.text).replace(" ", "\u00a0")
    return (
        f'<g><title>id {piece.id}</title><rect x="{x:.1f}" y="{y}" width="{width - 0.6:.1f}" '
        f'height="{_ROW - 3}" rx="3" fill="{TINTS[box.piece % len(TINTS)]}"{edge}/>'
        f'<text x="{x:.1f}" y="{y + 14}" textLength="{width - 0.6:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{text}</text></g>'
    )


def _width(character: str) -> int:
    if combining(character) or category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
