"""A cost with its sign turned: whoever descends it climbs. The control of a descent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from practicum.objectives.objective import Batch, Loss, Objective


@dataclass(frozen=True)
class Uphill:
    """−C of another objective; the model, the batches and the step are the same."""

    cost: Objective[Any]

    def prepare(self, examples: Sequence[Any], generator: torch.Generator) -> Batch:
        return self.cost.prepare(examples, generator)

    def loss(self, model: Any, batch: Batch) -> Loss:
        loss = self.cost.loss(model, batch)
        return Loss(-loss.total, loss.count, loss.parts)
