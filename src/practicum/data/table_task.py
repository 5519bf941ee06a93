"""What there is to learn in a table, and its rows as numbers for a network.

The kind of task is told by the target: words, or few whole numbers, are classes; other numbers are
a quantity; without a target the cells themselves are to be told from each other. Everything that is
computed from values (means, deviations, known words) comes from the rows given to `task_of`: the
training rows alone, so that nothing of the test leaks.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from practicum.data.table import Numbers, Table, Words
from practicum.errors import DataError

FEW = 20  # different whole numbers, at most, are taken for classes

Inputs = Float32[np.ndarray, "n i"]
Wanted = Int64[np.ndarray, " n"] | Float32[np.ndarray, "n 1"] | Inputs


@dataclass(frozen=True)
class NumberCode:
    """(value − mean)/deviation; with `gaps`, a second number that is 1 where there is none."""

    mean: float
    deviation: float
    gaps: bool

    @property
    def width(self) -> int:
        return 1 + self.gaps

    def __call__(self, column: Numbers) -> Inputs:
        missing = np.isnan(column)
        scaled = np.where(missing, 0.0, (column - self.mean) / self.deviation)
        parts = [scaled, missing] if self.gaps else [scaled]
        return np.stack(parts, axis=1).astype(np.float32)


@dataclass(frozen=True)
class WordCode:
    """1 for the word that stands there, 0 for the other known ones; unknown ones are all 0."""

    known: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.known)

    def __call__(self, column: Words) -> Inputs:
        return np.array([[word == known for known in self.known] for word in column], np.float32)


@dataclass(frozen=True)
class Classes:
    """One of `names` is wanted: a classification."""

    target: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Quantity:
    """A number is wanted, counted in deviations from the mean: a regression."""

    target: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class Cells:
    """Nothing is wanted but the table itself: self-supervised."""


@dataclass(frozen=True)
class Task:
    """What is wanted, and the code of every other column."""

    wanted: Classes | Quantity | Cells
    codes: dict[str, NumberCode | WordCode]

    @property
    def inputs(self) -> int:
        """How many numbers a row becomes."""
        return sum(self.groups)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many numbers each column becomes."""
        return tuple(code.width for code in self.codes.values())

    @property
    def outputs(self) -> int:
        """How many numbers an answer is."""
        match self.wanted:
            case Classes(names=names):
                return len(names)
            case Quantity():
                return 1
            case Cells():
                return self.inputs

    def inputs_of(self, table: Table) -> Inputs:
        """The rows as numbers. Raises DataError for a column of another kind than in training."""
        return np.concatenate([_coded(code, table, name) for name, code in self.codes.items()], 1)

    def wanted_of(self, table: Table) -> Wanted:
        """What is wanted of each row. Raises DataError for a gap or an unknown class."""
        match self.wanted:
            case Cells():
                return self.inputs_of(table)
            case Classes(target=target, names=names):
                found = _as_words(table.column(target))
                if "" in found:
                    raise _gaps(target, found.count(""))
                unknown = sorted(set(found) - set(names))
                if unknown:
                    raise DataError(f"column '{target}' has {unknown[0]!r}, which training had not")
                return np.array([names.index(word) for word in found])
            case Quantity(target=target, mean=mean, deviation=deviation):
                scaled = (_filled(table, target) - mean) / deviation
                return scaled.astype(np.float32)[:, None]


def task_of(table: Table, target: str | None = None) -> Task:
    """The task that the training rows of `table` pose. Raises UnknownName, DataError."""
    if target is None:
        return Task(Cells(), {name: _code(column) for name, column in table.columns.items()})
    others = table.without(target)
    column = table.column(target)
    if isinstance(column, tuple) or _are_classes(_filled(table, target)):
        wanted = Classes(target, tuple(sorted(set(_as_words(column)) - {""})))
    else:
        numbers = _filled(table, target)
        wanted = Quantity(target, float(numbers.mean()), _deviation(numbers))
    return Task(wanted, {name: _code(column) for name, column in others.columns.items()})


def _are_classes(numbers: Numbers) -> bool:
    different = np.unique(numbers)
    few = len(different) <= min(FEW, len(numbers) // 5)
    return few and bool((different == different.round()).all())


def _code(column: Numbers | Words) -> NumberCode | WordCode:
    if isinstance(column, tuple):
        return WordCode(tuple(sorted(set(column) - {""})))
    filled = column[~np.isnan(column)]
    mean = float(filled.mean()) if len(filled) else 0.0
    return NumberCode(mean, _deviation(filled), bool(np.isnan(column).any()))


def _coded(code: NumberCode | WordCode, table: Table, name: str) -> Inputs:
    column = table.column(name)
    if isinstance(code, NumberCode) and isinstance(column, np.ndarray):
        return code(column)
    if isinstance(code, WordCode):
        return code(_as_words(column))
    raise DataError(f"column '{name}' holds words; it held numbers in training")


def _as_words(column: Numbers | Words) -> Words:
    if isinstance(column, tuple):
        return column
    return tuple("" if np.isnan(number) else f"{number:g}" for number in column)


def _filled(table: Table, name: str) -> Numbers:
    column = table.column(name)
    if isinstance(column, tuple):
        raise DataError(f"column '{name}' holds words; it held numbers in training")
    if np.isnan(column).any():
        raise _gaps(name, int(np.isnan(column).sum()))
    return column


def _gaps(name: str, count: int) -> DataError:
    return DataError(f"column '{name}' is empty in {count} rows; it is wanted, so fill them")


def _deviation(numbers: Numbers) -> float:
    return (float(numbers.std()) if len(numbers) else 0.0) or 1.0
