"""From scores to weights over a memory, and what can be said of such weights.

    α_i = exp e_i / Σ_j exp e_j  over the places that may be read, and exactly 0 elsewhere

Local windows and their Gaussian are Luong et al. 2015, §3.2; the hard choice and the penalty on
places that are never looked at are Xu et al. 2015, §4. Places are counted from 0. A query that may
read no place at all gets weights of 0.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


def real_places(lengths: Int[Tensor, " b"], slots: int) -> Bool[Tensor, "b 1 s"]:
    """True at the first lengths[b] of `slots` places: everything but the padding."""
    return (torch.arange(slots, device=lengths.device) < lengths[:, None])[:, None]


def masked_softmax(
    scores: Float[Tensor, "b t s"], mask: Bool[Tensor, "#b #t s"]
) -> Float[Tensor, "b t s"]:
    """The softmax over the places where `mask` is true; exactly 0 at the others."""
    lowest = torch.finfo(scores.dtype).min  # not −∞, so that an empty row gives no 0/0
    return scores.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0.0)


def near(centres: Float[Tensor, "#b t"], slots: int, reach: float) -> Bool[Tensor, "#b t s"]:
    """True at the places i with |i − centre| ≤ reach."""
    return _distances(centres, slots).abs() <= reach


def bell(centres: Float[Tensor, "#b t"], slots: int, deviation: float) -> Float[Tensor, "#b t s"]:
    """exp(−(i − p)² / 2σ²) at every place i, for the centre p of each query (Luong, eq. 10)."""
    return torch.exp(-_distances(centres, slots).square() / (2 * deviation**2))


def waiting_times(
    weights: Float[Tensor, "b t s"], generator: torch.Generator
) -> Float[Tensor, "b t s"]:
    """A draw E from Exp(1) for every place; −log E is Gumbel noise."""
    return torch.empty_like(weights).exponential_(generator=generator)


def choose(
    weights: Float[Tensor, "b t s"], generator: torch.Generator | None
) -> Float[Tensor, "b t s"]:
    """1 at one place per query, drawn with the given probabilities; without a gradient.

    Without a generator it is the likeliest place, of equals the first. A weight of 0 is never
    chosen.
    """
    likely = weights.detach()
    if generator is not None:  # the first of several clocks with rates α rings with chance α
        likely = likely / waiting_times(likely, generator)
    place = likely.argmax(-1)
    return F.one_hot(place, weights.shape[-1]).to(weights.dtype) * (weights.detach() > 0)


def read(weights: Float[Tensor, "b t s"], values: Float[Tensor, "b s d"]) -> Float[Tensor, "b t d"]:
    """c_t = Σ_i α_ti v_i."""
    return torch.einsum("bts,bsd->btd", weights, values)


def entropy(weights: Float[Tensor, "b t s"]) -> Float[Tensor, "b t"]:
    """−Σ_i α_i log α_i in nats, with 0 log 0 = 0: from 0 (one place) to log s (all alike)."""
    return torch.special.entr(weights).sum(-1)


def coverage_penalty(
    weights: Float[Tensor, "b t s"], mask: Bool[Tensor, "#b 1 s"]
) -> Float[Tensor, " b"]:
    """Σ_i (1 − Σ_t α_ti)² over the real places: 0 where each was looked at once (Xu, eq. 14)."""
    missed = (1.0 - weights.sum(1)).masked_fill(~mask[:, 0], 0.0)
    return missed.square().sum(-1)


def softmax_jacobian_norm(weights: Float[Tensor, "b t s"]) -> Float[Tensor, "b t"]:
    """‖∂α/∂e‖ of each query (Frobenius): how much gradient the softmax lets through.

    J = diag(α) − ααᵀ, so ‖J‖² = Σ α² − 2 Σ α³ + (Σ α²)².
    """
    second, third = weights.square().sum(-1), weights.pow(3).sum(-1)
    return (second - 2 * third + second.square()).clamp_min(0.0).sqrt()


def _distances(centres: Float[Tensor, "#b t"], slots: int) -> Float[Tensor, "#b t s"]:
    places = torch.arange(slots, device=centres.device, dtype=centres.dtype)
    return places - centres[..., None]
