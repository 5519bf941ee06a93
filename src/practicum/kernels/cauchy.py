"""Sums of simple fractions over conjugate pairs of poles: a Cauchy matrix times vectors.

    S_az = Σ_n [ v_an / (p_z − q_z λ_n) + v̄_an / (p_z − q_z λ̄_n) ]

at points p_z/q_z; q_z = 0 is the point at infinity. Each pole λ_n stands for itself and for its
conjugate, as the modes of a real system do, and the two fractions make one of real weights:

    S_az = Σ_n (2 p_z Re v_an − 2 q_z Re(v_an λ̄_n)) / ((p_z − q_z λ_n)(p_z − q_z λ̄_n))

The denominators do not depend on `a`, so they are made once and meet all vectors in one real
product. Here `h` are systems that share their points, `a` the vectors of each, `z` the points.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_BYTES = 64 * 2**20  # of denominators: more are made, and made again, a few points at a time


def cauchy_reference(
    vectors: Complex[Tensor, "h a n"],
    poles: Complex[Tensor, "h n"],
    p: Complex[Tensor, " z"],
    q: Float[Tensor, " z"],
) -> Complex[Tensor, "h a z"]:
    """The first equation, each fraction by itself. Judges `cauchy`."""
    weights = torch.cat([vectors, vectors.conj()], dim=-1)
    pairs = torch.cat([poles, poles.conj()], dim=-1)
    return (weights[..., None] / (p - q * pairs[:, None, :, None])).sum(-2)


def cauchy(
    vectors: Complex[Tensor, "h a n"],
    poles: Complex[Tensor, "h n"],
    p: Complex[Tensor, " z"],
    q: Float[Tensor, " z"],
) -> Complex[Tensor, "h a z"]:
    """`cauchy_reference` by the second equation, holding at most `CHUNK_BYTES` of denominators."""
    step = max(1, CHUNK_BYTES // (poles.numel() * poles.element_size()))
    if step >= len(p):
        return _some(vectors, poles, p, q)
    parts = [  # a part keeps its inputs alone for the backward pass
        checkpoint(
            _some,
            vectors,
            poles,
            p[start : start + step],
            q[start : start + step],
            use_reentrant=False,
            preserve_rng_state=False,
        )
        for start in range(0, len(p), step)
    ]
    return torch.cat(parts, dim=-1)


def _some(vectors: Tensor, poles: Tensor, p: Tensor, q: Tensor) -> Tensor:
    turned, mirrored = q * poles[..., None], q * poles.conj()[..., None]
    fractions = 1 / ((p - turned) * (p - mirrored))
    # vectors are few: their real weights by real and imaginary parts are one product
    over_p, over_q = 2 * vectors.real, 2 * (vectors * poles.conj()[:, None]).real
    weights = torch.cat([over_p, over_q], dim=1)
    parts = weights @ torch.view_as_real(fractions).flatten(2)
    sums = torch.view_as_complex(parts.unflatten(-1, (-1, 2)))
    by_p, by_q = sums.chunk(2, dim=1)
    return p * by_p - q * by_q
