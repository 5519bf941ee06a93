"""Undoing a change: the example as it was is wanted from what became of it (Vincent et al. 2008).

Every value counts, changed or not: the model is not told which were.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Num
from torch import Tensor

from practicum.objectives.corruption import Corruption
from practicum.objectives.self_supervised import Puzzle


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """The examples are wanted from their `corruption`."""

    corruption: Corruption

    def __call__(self, examples: Num[Tensor, "b ..."], generator: torch.Generator) -> Puzzle:
        return Puzzle(self.corruption(examples, generator), examples)
