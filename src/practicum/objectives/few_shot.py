"""Naming the last picture of an episode: −log p(its name)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.alphabets import Episode
from practicum.models.few_shot import FewShotModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class Episodes(TensorBatch):
    """Pictures and labels, the last label of each row being what is asked."""

    pictures: Float[Tensor, "b t pixels"]
    labels: Int[Tensor, "b t"]

    @property
    def count(self) -> int:
        return len(self.labels)

    @property
    def tokens(self) -> int:  # what a speed counts here is pictures
        return self.labels.numel()


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Episodes of one length."""

    def prepare(self, examples: Sequence[Episode], generator: torch.Generator) -> Episodes:
        pictures, labels = zip(*examples, strict=True)
        return Episodes(torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(labels)))

    def loss(self, model: FewShotModel, batch: Episodes) -> Loss:
        logits = model(batch.pictures, batch.labels)
        return Loss(F.cross_entropy(logits, batch.labels[:, -1], reduction="sum"), batch.count)
