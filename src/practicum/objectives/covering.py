"""Translating while every source word is looked at about once: doubly stochastic attention.

    loss + λ Σ_j (1 − Σ_i α_ij)²            (Xu et al. 2015, eq. 14)

A row of α sums to 1 by itself; the penalty asks the same of its columns, over the real source words
and as many steps as the answer has, its end included.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError
from practicum.kernels.alignment import coverage_penalty
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.recurrent import RecurrentModel
from practicum.objectives.objective import Loss
from practicum.objectives.translation import Translation, TranslationBatch


@dataclass(frozen=True, kw_only=True)
class Covering:
    """`share` is λ, in nats per unit of the penalty, which is summed over the sentences."""

    translation: Translation
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.share < 0:
            raise ConfigError(f"Covering.share is {self.share}; expected at least 0")

    def prepare(
        self, examples: Sequence[TokenPair], generator: torch.Generator
    ) -> TranslationBatch:
        return self.translation.prepare(examples, generator)

    def loss(self, model: RecurrentModel, batch: TranslationBatch) -> Loss:
        """The sum; `parts` has both terms without λ."""
        said = self.translation.loss(model, batch)
        weights = model.alignments(batch.source, batch.target, batch.real)
        weights = weights * (batch.wanted != IGNORED)[..., None]
        missed = coverage_penalty(weights, batch.real[:, None]).sum()
        parts = {"nats": said.total.detach(), "missed": missed.detach()}
        return Loss(said.total + self.share * missed, said.count, parts)
