"""Next-token prediction: −Σ log p(xₜ₊₁ | x₁…xₜ) (Radford et al. 2019, eq. 1).

Logits are made a chunk at a time (`kernels.cross_entropy`), never all at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from practicum.data.packing import Example
from practicum.errors import DataError
from practicum.kernels.cross_entropy import IGNORED, linear_cross_entropy
from practicum.models.decoder import DecoderModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class TokenBatch(TensorBatch):
    """Texts and, for each of their tokens, the one to predict (`IGNORED`: none)."""

    ids: Int[Tensor, "b t"]
    targets: Int[Tensor, "b t"]
    segments: Int[Tensor, "b t"] | None = None

    @property
    def count(self) -> int:
        return int((self.targets != IGNORED).sum())

    @property
    def tokens(self) -> int:
        return self.ids.numel()


@dataclass(frozen=True, kw_only=True)
class NextToken:
    """Each token is predicted from those before it in its document."""

    def prepare(self, examples: Sequence[Example], generator: torch.Generator) -> TokenBatch:
        """Shift by one. Where examples carry segments, no prediction crosses into the next one.

        Raises DataError for examples of unequal length.
        """
        lengths = {len(example.ids) for example in examples}
        if len(lengths) != 1:
            raise DataError(f"a batch of next-token examples has lengths {sorted(lengths)}")
        ids = torch.from_numpy(np.stack([example.ids for example in examples]))
        targets = ids[:, 1:].clone()
        segments = None
        if examples[0].segments is not None:
            numbers = [example.segments for example in examples if example.segments is not None]
            segments = torch.from_numpy(np.stack(numbers))
            targets[segments[:, 1:] != segments[:, :-1]] = IGNORED
            segments = segments[:, :-1]
        return TokenBatch(ids[:, :-1].contiguous(), targets, segments)

    def loss(self, model: DecoderModel, batch: TokenBatch) -> Loss:
        hidden = model.hidden(batch.ids, segments=batch.segments)
        total = linear_cross_entropy(
            hidden.flatten(0, 1),
            model.output_weight,
            batch.targets.flatten(),
            bias=None if model.head is None else model.head.bias,
            cap=model.description.cap,
        )
        return Loss(total, batch.count)
