"""Rows of numbers, and places in them to point at: the largest, or all in rising order.

The longer a row, the more answers there are, so nothing with a fixed list of answers can give them
all (Vinyals et al. 2015, §1).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from practicum.errors import ConfigError

Order = Literal["largest", "rising"]


class Pointed(NamedTuple):
    """The numbers, and the places to point at one after the other, counted from 0."""

    numbers: Float[np.ndarray, " s"]
    places: Int[np.ndarray, " t"]


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """Rows of `shortest` to `longest` numbers from N(0, 1)."""

    order: Order = "largest"
    shortest: int = 5
    longest: int = 10

    def __post_init__(self) -> None:
        if not 2 <= self.shortest <= self.longest:
            raise ConfigError(
                f"Pointing has rows of {self.shortest} to {self.longest} numbers; expected "
                "2 ≤ shortest ≤ longest"
            )

    def draw(self, count: int, rng: np.random.Generator) -> list[Pointed]:
        """`count` fresh rows."""
        lengths = rng.integers(self.shortest, self.longest + 1, size=count).tolist()
        numbers = rng.standard_normal((count, self.longest)).astype(np.float32)
        rows = [row[:length] for row, length in zip(numbers, lengths, strict=True)]
        if self.order == "largest":
            return [Pointed(row, row.argmax(keepdims=True)) for row in rows]
        return [Pointed(row, row.argsort()) for row in rows]


def filled(example: Pointed, room: int) -> tuple[Float[np.ndarray, " i"], int]:
    """A row as a network of fixed size has to read it, and its first place as a class.

    Of the numbers the first `room`, filled up with 0; then for each of them whether it is there.
    """
    seen = example.numbers[:room]
    x = np.zeros(2 * room, np.float32)
    x[: len(seen)] = seen
    x[room : room + len(seen)] = 1.0
    return x, int(example.places[0])


@dataclass(frozen=True, kw_only=True)
class Filled:
    """The task for a network of fixed size: input, class."""

    task: Pointing

    def draw(
        self, count: int, rng: np.random.Generator
    ) -> list[tuple[Float[np.ndarray, " i"], int]]:
        """`count` fresh rows, each filled up to the longest."""
        return [filled(example, self.task.longest) for example in self.task.draw(count, rng)]
