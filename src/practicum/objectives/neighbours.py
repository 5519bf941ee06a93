"""Naming the neighbours of every place, by a readout for each offset: −Σ log p_o(x_{t+o} | x).

The model gives, at every place, a score for each symbol and offset, offset by offset. Neighbours
beyond the ends of a row are not asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.cross_entropy import IGNORED
from practicum.objectives.objective import Loss, TensorBatch
from practicum.objectives.self_supervised import Example, stacked


@dataclass(frozen=True)
class NeighbourBatch(TensorBatch):
    """Rows and, for each place and offset (`o`), the symbol there (`IGNORED`: there is none)."""

    symbols: Int[Tensor, "b t"]
    wanted: Int[Tensor, "b t o"]

    @property
    def count(self) -> int:
        return int((self.wanted != IGNORED).sum())

    @property
    def tokens(self) -> int:
        return self.symbols.numel()


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The places asked for, relative to each place, and how many symbols there are."""

    offsets: tuple[int, ...]
    symbols: int

    def __post_init__(self) -> None:
        if not self.offsets or self.symbols < 2:
            raise ConfigError(
                f"Neighbours at {self.offsets} of {self.symbols} symbols; expected an offset or "
                "more and 2 symbols or more"
            )

    @property
    def outputs(self) -> int:
        """How many scores the model has to give at every place."""
        return len(self.offsets) * self.symbols

    def prepare(self, examples: Sequence[Example], generator: torch.Generator) -> NeighbourBatch:
        """Raises DataError where rows differ in length."""
        ids = stacked(examples)
        length = ids.shape[1]
        place = torch.arange(length)[:, None] + torch.tensor(self.offsets)
        inside = (place >= 0) & (place < length)
        wanted = ids[:, place.clamp(0, length - 1)]
        return NeighbourBatch(ids, wanted.masked_fill(~inside, IGNORED))

    def loss(self, model: nn.Module, batch: NeighbourBatch) -> Loss:
        scores = self.scores(model, batch).flatten(0, 2)
        wanted = batch.wanted.flatten()
        total = F.cross_entropy(scores, wanted, ignore_index=IGNORED, reduction="sum")
        return Loss(total, batch.count)

    def accuracy(self, model: nn.Module, batch: NeighbourBatch) -> Float[Tensor, " o"]:
        """For each offset the share of the neighbours there that are named rightly."""
        right = (self.scores(model, batch).argmax(-1) == batch.wanted).sum((0, 1))
        return right / (batch.wanted != IGNORED).sum((0, 1))

    def scores(self, model: nn.Module, batch: NeighbourBatch) -> Float[Tensor, "b t o v"]:
        """Of every symbol, at every offset from every place."""
        return rearrange(model(batch.symbols), "b t (o v) -> b t o v", o=len(self.offsets))
