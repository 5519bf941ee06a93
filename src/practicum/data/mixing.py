"""Several sets of examples as one source: how often each is drawn from (Raffel et al. 2019).

    r_m ∝ min(e_m, K)^(1/T)                                             (§3.5.2)

for e_m examples in set m. The limit K keeps a large set from drowning the others; a temperature T
above 1 evens the shares out, and at an infinite one they are equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from practicum.data.loader import Loader
from practicum.errors import CheckpointError, ConfigError, DataError
from practicum.seeding import derive

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True)
class Proportional:
    """By the number of examples, of which at most `limit` count, to the power 1/`temperature`.

    The paper's best temperature is 2, with a limit of 2²¹.
    """

    limit: int | None = None
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if (self.limit is not None and self.limit < 1) or self.temperature <= 0:
            raise ConfigError(
                f"Proportional with a limit of {self.limit} and a temperature of "
                f"{self.temperature}; expected at least 1 (or None) and above 0"
            )

    def shares(self, sizes: Sequence[int]) -> tuple[float, ...]:
        """r_m of sets of these sizes; they sum to 1."""
        counted = [size if self.limit is None else min(size, self.limit) for size in sizes]
        largest = max(counted)  # so that no power overflows
        weights = [(size / largest) ** (1 / self.temperature) for size in counted]
        return tuple(weight / sum(weights) for weight in weights)


@dataclass(frozen=True, kw_only=True)
class Equal:
    """Each set as often as any other, whatever its size."""

    def shares(self, sizes: Sequence[int]) -> tuple[float, ...]:
        """1 over the number of sets, for each."""
        return (1 / len(sizes),) * len(sizes)


Mixing = Proportional | Equal


class Mixed(Generic[E]):
    """Batches without end, every example from a set drawn by its share: a source for the loop.

    Within a set the order is a `Loader`'s: all of it comes before any of it comes again. Which sets
    batch i draws from depends on the seed and on i alone.
    """

    def __init__(
        self, sets: Sequence[Sequence[E]], batch: int, *, mixing: Mixing, seed: int
    ) -> None:
        if not sets or batch < 1:
            raise DataError(f"batches of {batch} from {len(sets)} sets; expected 1 or more of both")
        self._sets = [
            Loader(examples, 1, seed=derive(seed, "mixed", place))
            for place, examples in enumerate(sets)
        ]
        self.shares = mixing.shares([len(examples) for examples in sets])
        self.batch, self.seed = batch, seed
        self._number = 0

    def __iter__(self) -> Iterator[list[E]]:
        return self

    def __next__(self) -> list[E]:
        rng = np.random.default_rng(derive(self.seed, "mixed", "batch", self._number))
        self._number += 1
        chosen = rng.choice(len(self._sets), size=self.batch, p=self.shares)
        return [next(self._sets[place])[0] for place in chosen.tolist()]

    @property
    def epochs(self) -> tuple[float, ...]:
        """How often each set has been seen, such as 1.5."""
        return tuple(loader.epoch for loader in self._sets)

    def position(self) -> dict[str, Any]:
        """Where the source stands, as JSON data for a checkpoint."""
        sets = [loader.position() for loader in self._sets]
        return {"batches": self._number, "sets": sets, **self._identity()}

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken.

        Raises CheckpointError for other sets, shares or batches, or another seed.
        """
        for name, own in self._identity().items():
            if position.get(name) != own:
                raise CheckpointError(
                    f"the checkpoint's mixture had {name} = {position.get(name)}, this has {own}; "
                    "go on with the same sets, shares, batches and seed, or start afresh"
                )
        for loader, place in zip(self._sets, position["sets"], strict=True):
            loader.seek(place)
        self._number = int(position["batches"])

    def _identity(self) -> dict[str, Any]:
        return {"rows": self.batch, "seed": self.seed, "shares": list(self.shares)}
