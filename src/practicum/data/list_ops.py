"""ListOps: the value of a nested expression over digits (Nangia & Bowman 2018; Tay et al. 2021).

    [MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]  →  5

An operator takes 2 to `arguments` values, each a digit or, with a chance of a quarter, another
expression, down to `depth`. MED is the median rounded down, SM the sum modulo 10. Ten classes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from practicum.errors import ConfigError, DataError

SYMBOLS = (*map(str, range(10)), "[MIN", "[MAX", "[MED", "[SM", "]")
Symbols = Int64[np.ndarray, " t"]  # their numbers in `SYMBOLS`
NESTED = 0.25  # the chance of an expression where a digit could stand


@dataclass(frozen=True, kw_only=True)
class ListOps:
    """Expressions of `shortest` to `longest` symbols; the published task has 500 to 2,000."""

    shortest: int = 500
    longest: int = 2000
    depth: int = 10
    arguments: int = 10

    def __post_init__(self) -> None:
        if not 4 <= self.shortest <= self.longest or self.depth < 1 or self.arguments < 2:
            raise ConfigError(
                f"ListOps of {self.shortest} to {self.longest} symbols, {self.depth} deep with "
                f"{self.arguments} arguments; expected 4 ≤ shortest ≤ longest, depth at least 1 "
                "and arguments at least 2"
            )

    def draw(self, count: int, rng: np.random.Generator) -> list[tuple[Symbols, int]]:
        """`count` fresh expressions with their values."""
        return [self._fitting(rng) for _ in range(count)]

    def _fitting(self, rng: np.random.Generator) -> tuple[Symbols, int]:
        for _ in range(100_000):
            ids = self._expression(1, self.longest, rng)
            if ids is not None and len(ids) >= self.shortest:
                return np.array(ids), value(ids)
        raise DataError(
            f"expressions {self.depth} deep with {self.arguments} arguments hardly ever have "
            f"{self.shortest} to {self.longest} symbols; allow other lengths"
        )

    def _expression(self, depth: int, room: int, rng: np.random.Generator) -> list[int] | None:
        """An operator with its arguments; None where it takes more than `room` symbols."""
        ids = [int(rng.integers(10, 14))]
        for _ in range(int(rng.integers(2, self.arguments + 1))):
            if depth < self.depth and rng.random() < NESTED:
                inner = self._expression(depth + 1, room - len(ids) - 1, rng)
                if inner is None:
                    return None
                ids += inner
            else:
                ids.append(int(rng.integers(10)))
        ids.append(14)
        return ids if len(ids) <= room else None


def value(ids: list[int]) -> int:
    """What the expression comes to. Raises DataError where it is none."""
    open_lists: list[list[int]] = [[]]
    for symbol in ids:
        if symbol < 10:
            open_lists[-1].append(symbol)
        elif symbol < 14:
            open_lists.append([symbol])
        elif len(open_lists) > 1 and len(open_lists[-1]) > 1:
            operator, *values = open_lists.pop()
            open_lists[-1].append(_applied(SYMBOLS[operator], values))
        else:
            raise DataError(f"'{said(ids)}' closes a list that is empty or was never opened")
    if len(open_lists) != 1 or len(open_lists[0]) != 1:
        raise DataError(f"'{said(ids)}' is not one whole expression")
    return open_lists[0][0]


def said(ids: list[int]) -> str:
    """The expression in symbols."""
    return " ".join(SYMBOLS[symbol] for symbol in ids)


def one_hot(ids: Symbols, length: int) -> Float32[np.ndarray, "length f"]:
    """A signal: a one for each symbol, and zeros after the last up to `length`."""
    rows = np.zeros((length, len(SYMBOLS)), np.float32)
    rows[np.arange(len(ids)), ids] = 1.0
    return rows


def _applied(operator: str, values: list[int]) -> int:
    match operator:
        case "[MIN":
            return min(values)
        case "[MAX":
            return max(values)
        case "[MED":
            return int(np.median(values))
        case _:
            return sum(values) % 10
