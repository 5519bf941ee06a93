"""Batches of a task that can always make another example: nothing is kept, nothing comes round.

Batch i is made from the numbers of `derive(seed, "drawn", i)`, so where a run stands is one number
and a batch does not depend on those before it.
"""

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from practicum.errors import CheckpointError, DataError
from practicum.seeding import derive

E = TypeVar("E")


class Endless(Protocol[E]):
    """A task without a data set."""

    def draw(self, count: int, rng: np.random.Generator) -> list[E]:
        """`count` fresh examples."""
        ...


class Drawn(Generic[E]):
    """Batches of `batch` fresh examples, without end: a source for the loop of training."""

    def __init__(self, task: Endless[E], batch: int, *, seed: int) -> None:
        if batch < 1:
            raise DataError(f"a batch of {batch} examples is impossible; expected 1 or more")
        self.task, self.batch, self.seed = task, batch, seed
        self._number = 0

    def __iter__(self) -> Iterator[list[E]]:
        return self

    def __next__(self) -> list[E]:
        rng = np.random.default_rng(derive(self.seed, "drawn", self._number))
        self._number += 1
        return self.task.draw(self.batch, rng)

    def position(self) -> dict[str, Any]:
        """Where the source stands, as JSON data for a checkpoint."""
        return {"batches": self._number, "rows": self.batch, "seed": self.seed}

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken. Raises CheckpointError for other batches."""
        for name, own in (("rows", self.batch), ("seed", self.seed)):
            if position.get(name) != own:
                raise CheckpointError(
                    f"the checkpoint's data had {name} = {position.get(name)}, this has {own}; "
                    "go on with the same batches and seed, or start afresh"
                )
        self._number = int(position["batches"])


def fresh(task: Endless[E], count: int, *, seed: int) -> list[E]:
    """`count` examples to measure on, which no batch of `Drawn` at this seed was made with."""
    return task.draw(count, np.random.default_rng(derive(seed, "fresh")))
