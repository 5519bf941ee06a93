"""Training on what deployment will bring: inputs are changed anew each time they are seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from practicum.objectives.classification import CrossEntropy
from practicum.objectives.corruption import Corruption
from practicum.objectives.labelled import LabelledBatch, Pair
from practicum.objectives.objective import Loss
from practicum.objectives.squares import SummedSquares


@dataclass(frozen=True, kw_only=True)
class Augmented:
    """A supervised `objective` whose inputs undergo a `change`; what is wanted stays."""

    objective: CrossEntropy | SummedSquares
    change: Corruption

    def prepare(self, examples: Sequence[Pair], generator: torch.Generator) -> LabelledBatch:
        batch = self.objective.prepare(examples, generator)
        return replace(batch, x=self.change(batch.x, generator))

    def loss(self, model: nn.Module, batch: LabelledBatch) -> Loss:
        return self.objective.loss(model, batch)
