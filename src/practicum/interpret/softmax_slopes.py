"""How much gradient a softmax lets through on random vectors (Vaswani et al. 2017, §3.2.1).

With components of variance 1 the product of two vectors of width d has variance d: unscaled, one
place takes all the weight as d grows, and the Jacobian diag(α) − ααᵀ vanishes.
"""

import torch

from practicum.kernels.alignment import softmax_jacobian_norm
from practicum.seeding import stream


def median_slope(
    width: int, *, scaled: bool, slots: int = 64, queries: int = 400, seed: int
) -> float:
    """The median Frobenius norm of ∂α/∂e over random queries, each with a memory of its own."""
    generator = stream(seed, "vectors", width)
    q = torch.randn(queries, 1, width, generator=generator)
    k = torch.randn(queries, slots, width, generator=generator)
    scores = torch.einsum("btd,bsd->bts", q, k)
    weights = (scores / width**0.5 if scaled else scores).softmax(-1)
    return float(softmax_jacobian_norm(weights).median())
