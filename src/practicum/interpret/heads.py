"""What a head does: scores of its pattern, and what it adds to the stream by itself.

A pattern is read as rows: weights[i, j] is how much query i takes from key j, and rows sum to 1.
A score is a mean over those queries that could have looked there at all; 0 where there is none.

    previous    the token before                     first       the first token (a sink)
    same        itself                               duplicate   earlier places of the same token
    induction   places whose token before is the query's: on a block read twice, the token that
                followed the first time (Elhage et al. 2021)

W_O [mixed₁ … mixed_h] = Σ W_O[:, head] mixed_head: the output matrix is the value-up maps of all
heads side by side, so what a head adds can be had alone; a bias is added once, by no head.
"""

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.interpret.kept import Trace
from practicum.nn.attention import AttentionLayer

Pattern = Float[Tensor, "*b h t t"]
Jobs = Callable[[Int[Tensor, "*b t"]], Bool[Tensor, "*b t t"]]


def previous(ids: Int[Tensor, "*b t"]) -> Bool[Tensor, "*b t t"]:
    """True at the key before each query."""
    return _diagonal(ids, -1)


def same(ids: Int[Tensor, "*b t"]) -> Bool[Tensor, "*b t t"]:
    """True at each query itself, from the second on: the first has no choice."""
    where = _diagonal(ids, 0).clone()
    where[..., 0, 0] = False
    return where


def first(ids: Int[Tensor, "*b t"]) -> Bool[Tensor, "*b t t"]:
    """True at the first key, for all queries after it."""
    where = torch.zeros_like(same(ids))
    where[..., 1:, 0] = True
    return where


def duplicate(ids: Int[Tensor, "*b t"]) -> Bool[Tensor, "*b t t"]:
    """True at earlier places of a query's token."""
    return (ids[..., :, None] == ids[..., None, :]).tril(-1)


def induction(ids: Int[Tensor, "*b t"]) -> Bool[Tensor, "*b t t"]:
    """True at the places after those, up to the query itself."""
    return torch.nn.functional.pad(duplicate(ids)[..., :-1], (1, 0))


JOBS: dict[str, Jobs] = {
    "previous": previous,
    "first": first,
    "same": same,
    "duplicate": duplicate,
    "induction": induction,
}


def score(weights: Float[Tensor, "b h t t"], where: Bool[Tensor, "b t t"]) -> Float[Tensor, " h"]:
    """The mean weight of each head on the places `where`, over the queries that have some."""
    asked = where.any(-1)
    mass = (weights * where[:, None]).sum(-1).sum(dim=(0, 2))
    return mass / asked.sum().clamp(min=1)


def head_scores(trace: Trace) -> dict[str, Float[Tensor, "l h"]]:
    """Every score of every head of the kept layers; all positions must have been kept."""
    return {
        name: torch.stack(
            [score(trace.at("weights", layer), where(trace.ids)) for layer in trace.layers]
        )
        for name, where in JOBS.items()
    }


def entropy(weights: Float[Tensor, "*b t s"]) -> Float[Tensor, "*b t"]:
    """How widely each query looks, −Σ w log w in nats; 0 where it sees one key alone."""
    return torch.special.entr(weights).sum(-1)


def distances(weights: Float[Tensor, "b h t t"]) -> Float[Tensor, "h t"]:
    """The share of each head's weight by how far back the key is: 0 is the query itself."""
    length = weights.shape[-1]
    mass = [weights.diagonal(-far, dim1=-2, dim2=-1).sum(dim=(0, 2)) for far in range(length)]
    return torch.stack(mass, dim=1) / (weights.shape[0] * length)


def head_deltas(
    attention: AttentionLayer, mixed: Float[Tensor, "b h t c"]
) -> Float[Tensor, "b h t d"]:
    """What each head adds to the stream at every position, without the bias of the output matrix.

    `mixed` as `interpret.kept` names it. The sum over the heads, and that bias, is `attention`.
    """
    up = rearrange(attention.out.weight, "d (h c) -> h c d", h=attention.heads)
    return torch.einsum("bhtc,hcd->bhtd", mixed, up.to(mixed.dtype))


def key_head(attention: AttentionLayer, head: int) -> int:
    """The key-value head that a query head reads, where several share one."""
    return head * attention.kv_heads // attention.heads


def _diagonal(ids: Int[Tensor, "*b t"], offset: int) -> Bool[Tensor, "*b t t"]:
    t = ids.shape[-1]
    line = torch.ones(t, t, dtype=torch.bool, device=ids.device).tril(offset)
    return (line & ~line.tril(offset - 1)).expand(*ids.shape[:-1], t, t)
