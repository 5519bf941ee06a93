"""A table of the user's own: a CSV file, its columns of numbers or of words.

The first line names the columns. A column whose filled cells are all numbers is one of numbers, any
other one of words; empty cells are gaps. Nothing is guessed about dates, units or codes.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int

from practicum.errors import DataError, UnknownName

Numbers = Float64[np.ndarray, " n"]  # nan: a gap
Words = tuple[str, ...]  # "": a gap


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length, by name and in the order of the file."""

    columns: dict[str, Numbers | Words]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) != 1 or lengths == {0}:
            raise DataError(f"a table needs columns of one length, 1 or more; got {lengths or 0}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def column(self, name: str) -> Numbers | Words:
        """The column called `name`. Raises UnknownName with the nearest ones."""
        if name not in self.columns:
            raise UnknownName("column", name, self.columns)
        return self.columns[name]

    def rows(self, chosen: Int[np.ndarray, " m"]) -> "Table":
        """The rows with these numbers, in this order."""
        return Table({
            name: column[chosen] if isinstance(column, np.ndarray)
            else tuple(column[row] for row in chosen)
            for name, column in self.columns.items()
        })  # fmt: skip

    def without(self, name: str) -> "Table":
        """All columns but the one called `name`."""
        self.column(name)
        return Table({other: column for other, column in self.columns.items() if other != name})

    @property
    def texts(self) -> list[str]:
        """Every row as a text that is equal exactly when its cells are."""
        columns = [list(map(str, column)) for column in self.columns.values()]
        return ["\x1f".join(cells) for cells in zip(*columns, strict=True)]


def read_table(path: str | Path) -> Table:
    """The CSV file at `path`. Raises DataError where there is none, or rows differ in length."""
    place = Path(path).expanduser()
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(f"{place} cannot be read as CSV ({problem})") from problem
    if len(lines) < 2:
        raise DataError(f"{place} has {len(lines)} lines; expected names of columns, and rows")
    names = [name.strip() for name in lines[0]]
    if len(set(names)) != len(names) or "" in names:
        raise DataError(f"{place} has columns {', '.join(names)}; expected different names")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names):
            raise DataError(
                f"{place}: row {number} has {len(line)} cells; expected {len(names)} as in row 1"
            )
    columns = zip(*lines[1:], strict=True)
    return Table(dict(zip(names, map(_column, columns), strict=True)))


def _column(cells: Sequence[str]) -> Numbers | Words:
    words = tuple(cell.strip() for cell in cells)
    try:
        return np.array([float(word) if word else np.nan for word in words])
    except ValueError:
        return words
