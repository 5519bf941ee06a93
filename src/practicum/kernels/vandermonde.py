"""Sums of geometric sequences over conjugate pairs: a Vandermonde matrix times vectors.

    K_al = 2 Re Σ_n v_an e^{l x_n},   l = 0 … L − 1

with x_n the logarithms of the ratios. Split l = w i + j into blocks of w ≈ √L: the vectors at the
beginnings of the blocks and the powers within one are few, and one real product joins them,

    K_a(wi+j) = 2 Re Σ_n (v_an e^{w i x_n}) e^{j x_n}

so N √L exponentials are taken and kept instead of N L. Here `h` are systems, `a` the vectors of
each.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def vandermonde_reference(
    vectors: Complex[Tensor, "h a n"], logs: Complex[Tensor, "h n"], length: int
) -> Float[Tensor, "h a l"]:
    """The first equation with every power written out. Judges `vandermonde`."""
    powers = (logs[..., None] * torch.arange(length, device=logs.device)).exp()
    return 2 * (vectors @ powers).real


def vandermonde(
    vectors: Complex[Tensor, "h a n"], logs: Complex[Tensor, "h n"], length: int
) -> Float[Tensor, "h a l"]:
    """`vandermonde_reference` by blocks of about √length powers."""
    width = max(1, math.isqrt(length))
    starts = torch.arange(0, length, width, device=logs.device)
    within = (logs[..., None] * torch.arange(width, device=logs.device)).exp()
    begun = vectors[:, :, None] * (starts[:, None] * logs[:, None, None]).exp()  # h a i n
    # Re(xy) = Re x Re y − Im x Im y, as one product over both parts of every mode
    left = torch.cat([begun.real, -begun.imag], dim=-1).flatten(1, 2)
    blocks = left @ torch.cat([within.real, within.imag], dim=1)
    return 2 * blocks.unflatten(1, (-1, len(starts))).flatten(2)[..., :length]
