"""Learning to answer from a memory: −log p(right value)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.retrieval import Lookup
from practicum.models.retriever import RetrieverModel
from practicum.objectives.objective import Loss, TensorBatch


@dataclass(frozen=True)
class Lookups(TensorBatch):
    """Memories, one question of each, and its answer; `draws` seeds what a reader draws."""

    keys: Int[Tensor, "b s"]
    values: Int[Tensor, "b s"]
    asked: Int[Tensor, "b 1"]
    answers: Int[Tensor, " b"]
    draws: int = 0

    @property
    def count(self) -> int:
        return len(self.answers)

    @property
    def tokens(self) -> int:  # what a speed counts here is memories
        return len(self.answers)

    @property
    def generator(self) -> torch.Generator:
        """What this batch is read with, the same at every call, on the batch's device."""
        return torch.Generator(self.keys.device).manual_seed(self.draws)


def lookups(examples: Sequence[Lookup], generator: torch.Generator) -> Lookups:
    """The examples as tensors."""
    keys, values, asked, answers = zip(*examples, strict=True)
    return Lookups(
        keys=torch.from_numpy(np.stack(keys)),
        values=torch.from_numpy(np.stack(values)),
        asked=torch.tensor(asked)[:, None],
        answers=torch.tensor(answers),
        draws=int(torch.randint(2**62, (), generator=generator)),
    )


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Every reader with a slope: soft, local, straight-through, Gumbel. Readers that draw do so."""

    def prepare(self, examples: Sequence[Lookup], generator: torch.Generator) -> Lookups:
        return lookups(examples, generator)

    def loss(self, model: RetrieverModel, batch: Lookups) -> Loss:
        read = model.look(batch.keys, batch.values, batch.asked, generator=batch.generator)
        logits = model.answer(read.vectors, batch.asked)[:, 0]
        return Loss(F.cross_entropy(logits, batch.answers, reduction="sum"), batch.count)
