"""Cross-entropy with a class: −log p_y, p = softmax(f(x))."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from practicum.objectives.labelled import LabelledBatch, Pair, labelled
from practicum.objectives.objective import Loss


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """The model gives one score (logit) per class."""

    def prepare(self, examples: Sequence[Pair], generator: torch.Generator) -> LabelledBatch:
        return labelled(examples)

    def loss(self, model: nn.Module, batch: LabelledBatch) -> Loss:
        return Loss(F.cross_entropy(model(batch.x), batch.wanted, reduction="sum"), batch.count)
