"""Routing without a router: which experts read a token is a fixed draw for its id (a hash layer).

The control of a learned choice (Roller et al. 2021, §3): every layer draws for each word of the
vocabulary the experts that will read it, evenly weighted, before anything is learned. Experts are
as many and as large, a token costs as much; what is missing is the choice by context.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.nn.routers import answering, mixtures
from practicum.objectives.next_token import TokenBatch
from practicum.objectives.objective import Loss, Objective
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class TokenRouting:
    """`objective`, with every router's scores replaced by the drawn ones."""

    objective: Objective[TokenBatch]
    vocab: int
    seed: int

    def prepare(self, examples: Sequence[Any], generator: torch.Generator) -> TokenBatch:
        return self.objective.prepare(examples, generator)

    def loss(self, model: nn.Module, batch: TokenBatch) -> Loss:
        ids = batch.ids.flatten()
        tops = [mixture.description.top for mixture in mixtures(model)]

        def answer(layer: int, scores: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
            experts = self.experts(scores.shape[1], tops[layer], layer).to(ids.device)
            return torch.full_like(scores, -torch.inf).scatter(1, experts[ids], 0.0)

        with answering(model, answer):
            return self.objective.loss(model, batch)

    def experts(self, count: int, top: int, layer: int) -> Int[Tensor, "v k"]:
        """Which `top` of `count` experts read each word in this layer, counted from the bottom."""
        draws = torch.rand(self.vocab, count, generator=stream(self.seed, "experts", layer))
        return draws.topk(top).indices
