"""How the examples of deployment may differ from those trained on, declared beforehand.

The inputs change (`Changed`: noise, gaps, moved pictures), or some classes become more frequent
(`ClassShares`). That the same input begins to mean something else is not covered: it needs new
labels.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Num

from practicum.errors import ConfigError, DataError
from practicum.objectives.corruption import Corruption
from practicum.seeding import derive, stream

Inputs = Num[np.ndarray, "..."]
Wanted = Num[np.ndarray, "..."]


class Shift(Protocol):
    """Inputs and what is wanted of them, as they might be found in deployment."""

    def __call__(self, x: Inputs, wanted: Wanted, *, seed: int) -> tuple[Inputs, Wanted]: ...


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The inputs undergo a change, or each of several: then there are so many times more examples.

    What is wanted of them stays.
    """

    changes: tuple[Corruption, ...]

    def __post_init__(self) -> None:
        if not self.changes:
            raise ConfigError("Changed needs one change or more, such as Noise(std=0.1)")

    def __call__(self, x: Inputs, wanted: Wanted, *, seed: int) -> tuple[Inputs, Wanted]:
        changed = [
            change(torch.from_numpy(x), stream(seed, "shift", number)).numpy()
            for number, change in enumerate(self.changes)
        ]
        return np.concatenate(changed), np.concatenate([wanted] * len(changed))


@dataclass(frozen=True, kw_only=True)
class ClassShares:
    """Examples are drawn again, with replacement, so that class k has `shares[k]` of them."""

    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.shares or min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ConfigError(
                f"ClassShares.shares are {self.shares}; expected one for each class, 1 together"
            )

    def __call__(self, x: Inputs, wanted: Wanted, *, seed: int) -> tuple[Inputs, Wanted]:
        """Raises DataError where there is no example of a class that should have a share."""
        generator = np.random.default_rng(derive(seed, "class shares"))
        drawn = []
        for label, count in enumerate(generator.multinomial(len(x), self.shares)):
            members = np.flatnonzero(wanted == label)
            if count and not len(members):
                raise DataError(f"no example of class {label} is there to be drawn more often")
            drawn.append(generator.choice(members, count) if count else members[:0])
        rows = np.concatenate(drawn)
        return x[rows], wanted[rows]
