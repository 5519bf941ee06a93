"""Say it again, backwards, or in order: what a network from sequence to sequence must learn first.

A source is symbol 1, which an answer begins with, and random symbols from 1 to `symbols`; the
target is those random symbols as the `order` wants them, and is over with 0. With ten symbols and
ten places this is the copy task of The Annotated Transformer: V = 11, the first symbol always 1.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError

END, BEGIN = 0, 1
Order = Literal["copy", "reverse", "sort"]


@dataclass(frozen=True, kw_only=True)
class Copying:
    """Sources of `shortest` to `length` symbols, their first one included."""

    order: Order = "copy"
    symbols: int = 10
    length: int = 10
    shortest: int | None = None  # None: all are of `length`

    def __post_init__(self) -> None:
        if self.symbols < 2 or not 2 <= (self.shortest or self.length) <= self.length:
            raise ConfigError(
                f"Copying has {self.symbols} symbols and sources of {self.shortest} to "
                f"{self.length}; expected 2 symbols or more, and 2 ≤ shortest ≤ length"
            )

    @property
    def vocab(self) -> int:
        """Ids of either side, the end included."""
        return self.symbols + 1

    def draw(self, count: int, rng: np.random.Generator) -> list[TokenPair]:
        """`count` fresh pairs."""
        lengths = rng.integers(self.shortest or self.length, self.length + 1, size=count)
        words = rng.integers(1, self.vocab, size=(count, self.length - 1)).tolist()
        rows = [row[: length - 1] for row, length in zip(words, lengths.tolist(), strict=True)]
        return [TokenPair((BEGIN, *row), self._arranged(row)) for row in rows]

    def _arranged(self, row: list[int]) -> tuple[int, ...]:
        if self.order == "sort":
            return tuple(sorted(row))
        return tuple(row if self.order == "copy" else reversed(row))
