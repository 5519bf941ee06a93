"""Writing a target from its source: −Σ log p(yᵢ | y₁ … yᵢ₋₁, x), every right word shown before.

The decoder reads `begin` and the target, and is to say the target and `end`. Sources and targets
are padded to the longest of their batch; padding is neither looked at nor scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.padding import padded
from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED
from practicum.kernels.label_smoothing import Smoothing, smoothed_cross_entropy
from practicum.models.sequence_to_sequence import SequenceToSequence
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class TranslationBatch(TensorBatch):
    """Sources, what the decoder reads, and what it is to say (`IGNORED`: nothing)."""

    source: Int[Tensor, "b s"]
    real: Bool[Tensor, "b s"]
    target: Int[Tensor, "b t"]
    wanted: Int[Tensor, "b t"]

    @property
    def count(self) -> int:
        return int((self.wanted != IGNORED).sum())

    @property
    def tokens(self) -> int:
        return int(self.real.sum()) + self.count


@dataclass(frozen=True, kw_only=True)
class Translation:
    """An answer begins after `begin` and is over with `end`, ids of the target's vocabulary."""

    begin: int
    end: int
    smoothing: Smoothing | None = None  # None: the right word alone

    def prepare(
        self, examples: Sequence[TokenPair], generator: torch.Generator
    ) -> TranslationBatch:
        """Pad both sides. Raises DataError for an empty source."""
        if any(len(pair.source) == 0 for pair in examples):
            raise DataError("a source sentence has no tokens; leave out empty lines")
        source, real = padded([pair.source for pair in examples])
        target, _ = padded([(self.begin, *pair.target) for pair in examples])
        wanted, said = padded([(*pair.target, self.end) for pair in examples])
        return TranslationBatch(source, real, target, wanted.masked_fill(~said, IGNORED))

    def loss(self, model: SequenceToSequence, batch: TranslationBatch) -> Loss:
        logits = model(batch.source, batch.target, batch.real).flatten(0, 1)
        wanted = batch.wanted.flatten()
        if self.smoothing is None:
            total = F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum")
        else:
            total = smoothed_cross_entropy(logits, wanted, self.smoothing)
        return Loss(total, batch.count)
