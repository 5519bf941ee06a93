"""Reading a memory: scores, then weights, then the mixture  c_t = Σ_i α_ti v_i.

Any score of `nn.scores` goes with any alignment of `nn.alignment`. A whole sequence of queries is
read at once by `forward`; a recurrent reader calls `remember` once per memory, then `step` for each
query. With queries from the same sequence as the memory, and a causal mask, this is
self-attention (Cheng et al. 2016); many heads are `nn.attention`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.kernels.alignment import read
from practicum.nn.alignment import Aligned, Alignment, AlignmentLayer, Soft
from practicum.nn.scores import Score, ScoreLayer


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A mechanism of the attention family."""

    score: Score
    align: Alignment = Soft()

    def build(self, query: int, memory: int, slots: int | None = None) -> "ReaderLayer":
        """The layer for queries and memory vectors of these widths.

        `slots` is the most vectors a memory may hold; only some scores have to know.
        """
        return ReaderLayer(self.score.build(query, memory, slots), self.align.build(query))


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A memory made ready: computed once, read by every query."""

    kept: Float[Tensor, "b s a"]  # what the score compares with
    values: Float[Tensor, "b s c"]  # what is mixed
    mask: Bool[Tensor, "#b #t s"]  # true where a query may look


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read, and how."""

    vectors: Float[Tensor, "b t c"]
    aligned: Aligned


class ReaderLayer(nn.Module):
    def __init__(self, score: ScoreLayer, align: AlignmentLayer) -> None:
        super().__init__()
        self.score = score
        self.align = align

    def remember(
        self,
        memory: Float[Tensor, "b s d"],
        *,
        values: Float[Tensor, "b s c"] | None = None,
        mask: Bool[Tensor, "#b #t s"] | None = None,
    ) -> Remembered:
        """The memory made ready; without `values` its own vectors are mixed."""
        if mask is None:
            mask = torch.ones(1, 1, memory.shape[1], dtype=torch.bool, device=memory.device)
        kept = self.score.remember(memory)
        return Remembered(kept=kept, values=memory if values is None else values, mask=mask)

    def step(
        self,
        queries: Float[Tensor, "b t q"],
        remembered: Remembered,
        *,
        first: int = 0,
        generator: torch.Generator | None = None,
    ) -> Read:
        """What the queries, of which the first is number `first`, read."""
        scores = self.score.compare(queries, remembered.kept)
        aligned = self.align(scores, queries, remembered.mask, first=first, generator=generator)
        return Read(vectors=read(aligned.weights, remembered.values), aligned=aligned)

    def forward(
        self,
        queries: Float[Tensor, "b t q"],
        memory: Float[Tensor, "b s d"],
        *,
        values: Float[Tensor, "b s c"] | None = None,
        mask: Bool[Tensor, "#b #t s"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Read:
        remembered = self.remember(memory, values=values, mask=mask)
        return self.step(queries, remembered, generator=generator)
