"""The cost C = Σⱼ (aⱼ − yⱼ)² of one example (3Blue1Brown 2017, chapter 2).

There is no ½ before the sum and no division by the number of outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from practicum.objectives.labelled import LabelledBatch, Pair, labelled
from practicum.objectives.objective import Loss


@dataclass(frozen=True, kw_only=True)
class SummedSquares:
    """y is the wanted vector, or 1 for the wanted class and 0 for the others."""

    def prepare(self, examples: Sequence[Pair], generator: torch.Generator) -> LabelledBatch:
        return labelled(examples)

    def loss(self, model: nn.Module, batch: LabelledBatch) -> Loss:
        answers, wanted = model(batch.x), batch.wanted
        if not wanted.is_floating_point():
            wanted = F.one_hot(wanted, answers.shape[1]).to(answers.dtype)
        return Loss((answers - wanted).square().sum(), batch.count)
