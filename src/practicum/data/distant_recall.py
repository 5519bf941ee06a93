"""Recall at a distance: which symbol stood behind the mark, so and so many tokens ago?

    . . # b . . . . . . ?        →  b, seven tokens before the question

One symbol lies in noise of other tokens, behind a mark; the question ends the row. How far a
network carries the symbol is asked a distance at a time (`at`).
"""

from dataclasses import dataclass, replace

import numpy as np

from practicum.data.answered import Answered
from practicum.errors import ConfigError

MARK, QUESTION = 0, 1
SPECIAL = 2  # ids before those of the symbols


@dataclass(frozen=True, kw_only=True)
class DistantRecall:
    """Rows of `length` tokens; the symbol is `nearest` to `farthest` tokens before the question."""

    length: int = 32
    nearest: int = 1
    farthest: int = 30
    symbols: int = 8  # of which one is to be recalled
    noise: int = 8  # different tokens that fill the rest

    def __post_init__(self) -> None:
        if not 1 <= self.nearest <= self.farthest <= self.length - 2:
            raise ConfigError(
                f"DistantRecall asks {self.nearest} to {self.farthest} tokens back in rows of "
                f"{self.length}; expected 1 ≤ nearest ≤ farthest ≤ length − 2, since a mark comes "
                "before the symbol"
            )
        if self.symbols < 2 or self.noise < 1:
            raise ConfigError(
                f"DistantRecall has {self.symbols} symbols and {self.noise} tokens of noise; "
                "expected at least 2 and 1"
            )

    @property
    def vocab(self) -> int:
        """Ids: the mark, the question, the symbols and the noise."""
        return SPECIAL + self.symbols + self.noise

    def at(self, distance: int) -> "DistantRecall":
        """The same task with every symbol this far back."""
        return replace(self, nearest=distance, farthest=distance)

    def draw(self, count: int, rng: np.random.Generator) -> list[Answered]:
        """`count` fresh rows, their distances drawn evenly."""
        ids = rng.integers(SPECIAL + self.symbols, self.vocab, size=(count, self.length))
        answers = rng.integers(SPECIAL, SPECIAL + self.symbols, size=count)
        places = self.length - 1 - rng.integers(self.nearest, self.farthest + 1, size=count)
        rows = np.arange(count)
        ids[rows, places], ids[rows, places - 1], ids[:, -1] = answers, MARK, QUESTION
        return [Answered(*row) for row in zip(ids, answers[:, None], strict=True)]
