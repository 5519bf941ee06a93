"""Parallel text: line i of one file says what line i of the other says in another language.

Files are UTF-8, one sentence a line, whatever their endings (`train.en`, `train.de`). Nothing is
guessed: files of unequal length, empty lines and other encodings are refused with their place,
since one lost line shifts all that follow.

A pair is known by its source sentence, which decides its side (see `practicum.data.documents`). So
a sentence that occurs twice is never both learned and measured on, and adding lines moves none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from practicum.data.documents import HELD_OUT, is_held_out
from practicum.data.files import text_bytes
from practicum.data.table import Numbers, Words, read_table
from practicum.errors import DataError
from practicum.tokenizers.tokenizer import Tokenizer


class SentencePair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


class TokenPair(NamedTuple):
    """A sentence and its translation in ids, without begin and end tokens."""

    source: tuple[int, ...]
    target: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class PairSplit:
    """The two sides of a parallel text, each in its order."""

    train: tuple[SentencePair, ...]
    held_out: tuple[SentencePair, ...]


def read_pairs(source: str | Path, target: str | Path) -> tuple[SentencePair, ...]:
    """The lines of the two files side by side, without white space around them.

    Raises DataError: a file that cannot be read or is not UTF-8, no lines, an empty line, unequal
    numbers of lines.
    """
    files = [Path(source).expanduser(), Path(target).expanduser()]
    left, right = (sentences(file) for file in files)
    if len(left) != len(right):
        raise DataError(
            f"{files[0]} has {len(left):,} lines and {files[1]} has {len(right):,}; expected a "
            "line of one for each line of the other"
        )
    if not left:
        raise DataError(f"{files[0]} and {files[1]} are empty; expected a sentence a line")
    for file, lines in zip(files, (left, right), strict=True):
        _check_full(file, lines)
    return tuple(map(SentencePair, left, right))


def table_pairs(
    file: str | Path, *, source: str = "input", target: str = "target", prefix: str = ""
) -> tuple[SentencePair, ...]:
    """Two columns of a CSV file side by side, `prefix` before every source.

    Raises DataError: not a table, an empty cell; UnknownName for a column it does not have.
    """
    table = read_table(file)
    sides = [_texts(table.column(name)) for name in (source, target)]
    for name, side in zip((source, target), sides, strict=True):
        if "" in side:
            raise DataError(f"{file}: {name} is empty in row {side.index('') + 2}; fill it")
    return tuple(SentencePair(prefix + a, b) for a, b in zip(*sides, strict=True))


def _texts(column: Numbers | Words) -> list[str]:
    """The cells as texts; numbers as briefly as they can be told, gaps empty."""
    if isinstance(column, tuple):
        return list(column)
    return ["" if number != number else f"{number:.15g}" for number in column.tolist()]


def split_pairs(pairs: Sequence[SentencePair], fraction: float = HELD_OUT) -> PairSplit:
    """Pairs to learn from, and about `fraction` of the different source sentences held out.

    Raises DataError where that leaves a side empty.
    """
    if not 0 < fraction < 1:
        raise DataError(f"the held-out fraction is {fraction}; expected a number between 0 and 1")
    sides: tuple[list[SentencePair], list[SentencePair]] = ([], [])
    for pair in pairs:
        sides[is_held_out(pair.source, fraction)].append(pair)
    if not all(sides):
        raise DataError(
            f"{len(pairs)} pairs at a held-out fraction of {fraction} leave the side of "
            f"{'training' if not sides[0] else 'measuring'} empty; give more pairs or another one"
        )
    return PairSplit(train=tuple(sides[0]), held_out=tuple(sides[1]))


def encode_pairs(
    pairs: Sequence[SentencePair], source: Tokenizer, target: Tokenizer
) -> tuple[TokenPair, ...]:
    """Both sides in ids; the two tokenizers may be one."""
    return tuple(
        TokenPair(tuple(source.encode(pair.source)), tuple(target.encode(pair.target)))
        for pair in pairs
    )


def sentences(file: Path) -> list[str]:
    """The lines of a file without white space around them. Raises DataError: not UTF-8 text."""
    data = text_bytes(file)
    # Line ends of bytes alone: str.splitlines would also cut at U+2028 and lose the alignment.
    rows = data.removesuffix(b"\n").split(b"\n") if data else []
    return [sentence(row, f"{file} line {number}") for number, row in enumerate(rows, start=1)]


def sentence(row: bytes, where: str) -> str:
    """The text of a line without white space around it; `where` says which line it is."""
    try:
        return row.decode().strip()
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{where} is not UTF-8 (byte {problem.start + 1} is "
            f"0x{row[problem.start]:02x}); convert it, for example: iconv -f LATIN1 -t UTF-8"
        ) from problem


def _check_full(file: Path, lines: Sequence[str]) -> None:
    empty = [number for number, line in enumerate(lines, start=1) if not line]
    if empty:
        more = f" (and {len(empty) - 1:,} more)" if len(empty) > 1 else ""
        raise DataError(f"{file} line {empty[0]} is empty{more}; remove such lines from both files")
