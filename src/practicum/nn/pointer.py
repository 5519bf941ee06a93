"""A pointer: the answer is a place in the input, so there are as many answers as inputs.

    p(c_t = i) = softmax_i(v_aᵀ tanh(W_a [s_t; h_i]))        (Vinyals et al. 2015, eq. 3)

The published score is `Additive`; any other of `nn.scores` points as well, except that `Location`
does not look at what it points at. Nothing is mixed: what was pointed at is fed to the next step
as it is (`picked`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.nn.scores import Score, ScoreLayer


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """A distribution over the places of a memory."""

    score: Score

    def build(self, query: int, memory: int, slots: int | None = None) -> "PointerLayer":
        """The layer for queries and memory vectors of these widths."""
        return PointerLayer(self.score.build(query, memory, slots))


class PointerLayer(nn.Module):
    def __init__(self, score: ScoreLayer) -> None:
        super().__init__()
        self.score = score

    def remember(self, memory: Float[Tensor, "b s d"]) -> Float[Tensor, "b s a"]:
        """What does not depend on the query: computed once per memory."""
        return self.score.remember(memory)

    def step(
        self,
        queries: Float[Tensor, "b t q"],
        kept: Float[Tensor, "b s a"],
        mask: Bool[Tensor, "#b #t s"] | None = None,
    ) -> Float[Tensor, "b t s"]:
        """log p of every place, from what `remember` gave; −∞ where `mask` is false.

        Each query has to be allowed one place at least. A mask that leaves out the places already
        taken makes the answer a permutation.
        """
        scores = self.score.compare(queries, kept)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.log_softmax(-1)

    def forward(
        self,
        queries: Float[Tensor, "b t q"],
        memory: Float[Tensor, "b s d"],
        mask: Bool[Tensor, "#b #t s"] | None = None,
    ) -> Float[Tensor, "b t s"]:
        return self.step(queries, self.remember(memory), mask)


def picked(memory: Float[Tensor, "b s d"], places: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
    """The memory vectors at `places`: what the next step reads."""
    return torch.take_along_dim(memory, places[..., None], dim=1)
