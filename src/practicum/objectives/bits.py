"""Saying rows of bits: −Σ log p over the bits of the steps that are scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.data.bit_tasks import BitRows
from practicum.errors import DataError
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class BitBatch(TensorBatch):
    """Inputs, wanted bits, and the steps that are scored."""

    inputs: Float[Tensor, "b t c"]
    wanted: Float[Tensor, "b t n"]
    scored: Bool[Tensor, "b t"]

    @property
    def count(self) -> int:
        return int(self.scored.sum()) * self.wanted.shape[2]

    @property
    def tokens(self) -> int:
        return self.scored.numel()


@dataclass(frozen=True, kw_only=True)
class Bits:
    """The model gives a logit for every bit at every step."""

    def prepare(self, examples: Sequence[BitRows], generator: torch.Generator) -> BitBatch:
        """Raises DataError for sequences of different lengths."""
        if len({len(example.inputs) for example in examples}) != 1:
            raise DataError("sequences of bits differ in length; make each batch of one length")
        return BitBatch(*(torch.from_numpy(np.stack(part)) for part in zip(*examples, strict=True)))

    def loss(self, model: nn.Module, batch: BitBatch) -> Loss:
        logits = model(batch.inputs)[batch.scored]
        wanted = batch.wanted[batch.scored]
        total = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        return Loss(total, batch.count)
