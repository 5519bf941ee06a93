"""From a router's scores to the few experts that read a token, and how much each counts.

p = softmax(W_r x) over all e experts, in float32; the k most probable are chosen, and with
`renormalise` their probabilities are divided by their sum. That is the softmax over the k largest
scores alone, all others at −∞ (Shazeer et al. 2017, eq. 3–5; Jiang et al. 2024, §2.1). Without it
the weights sum to less than 1 (Fedus et al. 2021, eq. 2).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Routing:
    """The chosen experts of every token, the first choice first, and their weights."""

    experts: Int[Tensor, "n k"]
    weights: Float[Tensor, "n k"]  # at least float32


def route_reference(
    logits: Float[Tensor, "n e"], top: int, *, renormalise: bool
) -> Float[Tensor, "n e"]:
    """The weight of every expert, 0 where not chosen, as the equation says. Judges `route`."""
    kept = logits >= logits.topk(top).values[:, -1:]
    if renormalise:
        return logits.masked_fill(~kept, -torch.inf).softmax(-1)
    return logits.softmax(-1) * kept


def probabilities(logits: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
    """softmax(logits), in float32 where the scores are in half precision."""
    wide = torch.promote_types(logits.dtype, torch.float32)
    return logits.softmax(-1, dtype=wide)


def route(logits: Float[Tensor, "n e"], top: int, *, renormalise: bool) -> Routing:
    """The `top` most probable experts of every token."""
    weights, experts = probabilities(logits).topk(top)
    if renormalise:
        weights = weights / weights.sum(-1, keepdim=True)
    return Routing(experts, weights)
