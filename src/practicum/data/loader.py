"""The order in which examples are drawn: a permutation an epoch, named by the seed alone.

Epoch e is the order of n 64-bit numbers of PCG64(derive(seed, "epoch", e)), whose stream NumPy
promises to keep. So the order depends on nothing else: not on batch size, machine, number of
processes, or what was drawn before, and where it stands is one number.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from jaxtyping import Int64

from practicum.errors import CheckpointError, DataError
from practicum.seeding import derive

E = TypeVar("E")


class Loader(Generic[E]):
    """Batches of examples without end. A batch may reach into the next epoch, or over several."""

    def __init__(self, examples: Sequence[E], batch: int, *, seed: int) -> None:
        if len(examples) == 0:
            raise DataError("there are no examples to draw from; give a data set with some")
        if batch < 1:
            raise DataError(f"a batch of {batch} examples is impossible; expected 1 or more")
        self.examples = examples
        self.batch = batch
        self.seed = seed
        self._drawn = 0
        self._order: tuple[int, Int64[np.ndarray, " n"]] = (0, epoch_order(len(examples), 0, seed))

    def __iter__(self) -> Iterator[list[E]]:
        return self

    def __next__(self) -> list[E]:
        return [self._next() for _ in range(self.batch)]

    def _next(self) -> E:
        epoch, place = divmod(self._drawn, len(self.examples))
        if epoch != self._order[0]:
            self._order = (epoch, epoch_order(len(self.examples), epoch, self.seed))
        self._drawn += 1
        return self.examples[int(self._order[1][place])]

    @property
    def epoch(self) -> float:
        """How often the examples have been seen, such as 1.5."""
        return self._drawn / len(self.examples)

    def position(self) -> dict[str, Any]:
        """Where the loader stands, as JSON data for a checkpoint."""
        return {"drawn": self._drawn, "examples": len(self.examples), "seed": self.seed}

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken; the next batch is the one that came next then.

        The batch size may have changed. Raises CheckpointError for other examples or another seed.
        """
        for name, own in (("examples", len(self.examples)), ("seed", self.seed)):
            if position.get(name) != own:
                raise CheckpointError(
                    f"the checkpoint's data had {name} = {position.get(name)}, this has {own}; "
                    "go on with the same data and seed, or start afresh"
                )
        self._drawn = int(position["drawn"])


def epoch_order(examples: int, epoch: int, seed: int) -> Int64[np.ndarray, " n"]:
    """The numbers 0 … examples − 1 in the order in which this epoch draws them."""
    numbers = np.random.PCG64(derive(seed, "epoch", epoch)).random_raw(examples)
    return np.argsort(numbers, kind="stable")


def in_order(examples: Sequence[E], batch: int) -> Iterator[list[E]]:
    """Every example once, in its order, for evaluation; the last batch may be smaller.

    Raises DataError where there are none.
    """
    if len(examples) == 0:
        raise DataError("there are no examples to evaluate on; give a data set with some")
    for start in range(0, len(examples), batch):
        yield [examples[i] for i in range(start, min(start + batch, len(examples)))]
