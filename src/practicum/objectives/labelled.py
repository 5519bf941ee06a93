"""Inputs with what is wanted of each: the batch that supervised objectives share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import DataError
from practicum.objectives.objective import TensorBatch

Pair = tuple[Float[np.ndarray, "..."], int | Float[np.ndarray, " o"]]


@dataclass(frozen=True)
class LabelledBatch(TensorBatch):
    """`x`, and for each row a class (a whole number) or a vector."""

    x: Float[Tensor, "b ..."]
    wanted: Int[Tensor, " b"] | Float[Tensor, "b o"]

    @property
    def count(self) -> int:
        return len(self.x)

    @property
    def tokens(self) -> int:  # what a speed counts here is examples
        return len(self.x)


def labelled(examples: Sequence[Pair]) -> LabelledBatch:
    """(input, class or vector) pairs as tensors. Raises DataError where they differ in shape."""
    try:
        x = torch.from_numpy(np.stack([x for x, _ in examples]))
        wanted = torch.from_numpy(np.asarray([wanted for _, wanted in examples]))
    except (TypeError, ValueError) as problem:
        raise DataError(f"examples of one batch differ in shape or kind ({problem})") from problem
    return LabelledBatch(x, wanted)
