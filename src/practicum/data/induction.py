"""Induction: what came after the special token last time comes after it again.

    b d a # c d a b … a #        →  c

One row in which the special token stands twice: once somewhere, and at the end (Gu & Dao 2023,
§4.1.2; Olsson et al. 2022 for the heads that do this in a Transformer). Nothing in the answer
depends on how long the row is, so rows longer than any seen in training ask whether the rule was
learnt, or the places.
"""

from dataclasses import dataclass

import numpy as np

from practicum.data.answered import Answered
from practicum.errors import ConfigError

MARK = 0  # the special token


@dataclass(frozen=True, kw_only=True)
class Induction:
    """Rows of `shortest` to `longest` tokens, equal within a draw; `vocab` counts the mark."""

    shortest: int = 32
    longest: int = 64
    vocab: int = 16

    def __post_init__(self) -> None:
        if self.vocab < 3 or not 3 <= self.shortest <= self.longest:
            raise ConfigError(
                f"Induction has rows of {self.shortest} to {self.longest} tokens of {self.vocab}; "
                "expected a vocabulary of 3 or more, and 3 ≤ shortest ≤ longest"
            )

    def draw(self, count: int, rng: np.random.Generator) -> list[Answered]:
        """`count` fresh rows."""
        length = int(rng.integers(self.shortest, self.longest + 1))
        ids = rng.integers(1, self.vocab, size=(count, length))
        places = rng.integers(length - 2, size=count)
        rows = np.arange(count)
        ids[rows, places] = ids[:, -1] = MARK
        return [Answered(*row) for row in zip(ids, ids[rows, places + 1, None], strict=True)]
