"""Selective copying: symbols lie scattered in noise, and are to be said again in their order.

    . . c . . . a . . b . . . . ? ? ?        →  c a b   at the question marks

Where they lie differs from row to row, so that whoever is to remember them has to look at what a
token is, and not at where it stands (Gu & Dao 2023, §3.1, fig. 2). With `spacing="even"` they lie
at the same places in every row: the copying task that a fixed convolution can solve.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from practicum.data.answered import Answered
from practicum.errors import ConfigError

NOISE, QUESTION = 0, 1
SPECIAL = 2  # ids before those of the symbols


@dataclass(frozen=True, kw_only=True)
class SelectiveCopying:
    """`items` of `symbols` different symbols among `length` places, then as many questions."""

    length: int = 48
    items: int = 4
    symbols: int = 6
    spacing: Literal["random", "even"] = "random"

    def __post_init__(self) -> None:
        if self.symbols < 2 or not 1 <= self.items <= self.length:
            raise ConfigError(
                f"SelectiveCopying has {self.items} items of {self.symbols} symbols at "
                f"{self.length} places; expected 2 symbols or more, and 1 to {self.length} items"
            )

    @property
    def vocab(self) -> int:
        """Ids: noise, the question and the symbols."""
        return SPECIAL + self.symbols

    @property
    def row(self) -> int:
        """Tokens of a row."""
        return self.length + self.items

    def draw(self, count: int, rng: np.random.Generator) -> list[Answered]:
        """`count` fresh rows."""
        answers = rng.integers(SPECIAL, self.vocab, size=(count, self.items))
        ids = np.full((count, self.row), NOISE)
        np.put_along_axis(ids, self._places(count, rng), answers, axis=1)
        ids[:, self.length :] = QUESTION
        return [Answered(*row) for row in zip(ids, answers, strict=True)]

    def _places(self, count: int, rng: np.random.Generator) -> Int[np.ndarray, "b m"]:
        """Where the items lie, from left to right."""
        if self.spacing == "even":
            even = np.linspace(0, self.length, self.items, endpoint=False).astype(int)
            return np.broadcast_to(even, (count, self.items))
        shuffled = rng.permuted(np.tile(np.arange(self.length), (count, 1)), axis=1)
        return np.sort(shuffled[:, : self.items], axis=1)
