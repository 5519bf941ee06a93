"""Learning to point: −Σ_t log p(c_t | c_1 … c_{t−1}, x), every right place shown before."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.padding import padded
from practicum.data.pointing import Pointed
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.pointer_network import PointerNetworkModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class PointedBatch(TensorBatch):
    """Rows of numbers, where they are real, and the places (where `wanted`)."""

    numbers: Float[Tensor, "b s"]
    real: Bool[Tensor, "b s"]
    places: Int[Tensor, "b t"]
    wanted: Bool[Tensor, "b t"]

    @property
    def count(self) -> int:
        return int(self.wanted.sum())

    @property
    def tokens(self) -> int:
        return int(self.real.sum())


@dataclass(frozen=True, kw_only=True)
class PointingLoss:
    """Of a pointer network."""

    def prepare(self, examples: Sequence[Pointed], generator: torch.Generator) -> PointedBatch:
        places, wanted = padded([example.places.tolist() for example in examples])
        longest = max(len(example.numbers) for example in examples)
        numbers = torch.zeros(len(examples), longest)
        real = torch.zeros(len(examples), longest, dtype=torch.bool)
        for row, example in enumerate(examples):
            numbers[row, : len(example.numbers)] = torch.from_numpy(example.numbers)
            real[row, : len(example.numbers)] = True
        return PointedBatch(numbers, real, places, wanted)

    def loss(self, model: PointerNetworkModel, batch: PointedBatch) -> Loss:
        log_p = model(batch.numbers, batch.real, batch.places)
        wanted = batch.places.masked_fill(~batch.wanted, IGNORED)
        total = F.nll_loss(
            log_p.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return Loss(total, batch.count)
