"""The HiPPO-LegS matrix, whose state holds a signal's past, and its normal plus low-rank form.

x' = A x + B u with (Gu et al. 2020, Thm 2; Gu et al. 2021, eq. 2)

    A_nk = −√(2n+1) √(2k+1)  for n > k,   −(n+1)  for n = k,   0  for n < k;    B_n = √(2n+1)

Left alone it cannot be diagonalised in practice: its eigenvectors have entries of about 2^{4N/3}.
But with P_n = √(n+½) the sum A + P Pᵀ is −½ I plus a skew-symmetric matrix, hence normal, so

    A = V (Λ − V*P (V*P)*) V*,   Λ = −½ + i·(eigenvalues of the Hermitian −i(A + P Pᵀ + ½ I))

with unitary V (Thm 1). The modes come in conjugate pairs, of which one of each is kept.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex128, Float64
from torch import Tensor

from practicum.errors import ConfigError


@dataclass(frozen=True)
class Modes:
    """One of each conjugate pair, by rising frequency; all in float64."""

    poles: Complex128[Tensor, " n"]  # Λ
    low_rank: Complex128[Tensor, " n"]  # V*P, real and positive: that fixes each mode's phase
    input: Complex128[Tensor, " n"]  # V*B
    basis: Complex128[Tensor, "m n"]  # the kept columns of V, m = 2n


def legs(state: int) -> tuple[Float64[Tensor, "m m"], Float64[Tensor, " m"]]:
    """A and B of a state of `state` numbers."""
    root = (2 * torch.arange(state, dtype=torch.float64) + 1).sqrt()
    a = -torch.outer(root, root).tril(-1) - torch.diag(torch.arange(1.0, state + 1.0).double())
    return a, root


def legs_modes(state: int) -> Modes:
    """The form of Thm 1. Raises ConfigError for an odd `state`, whose modes make no pairs."""
    if state < 2 or state % 2:
        raise ConfigError(f"a state of {state} numbers has no pairs of modes; give an even one")
    a, b = legs(state)
    p = (torch.arange(state, dtype=torch.float64) + 0.5).sqrt()
    skew = a + torch.outer(p, p) + 0.5 * torch.eye(state, dtype=torch.float64)
    frequencies, vectors = torch.linalg.eigh(-1j * skew)
    frequencies, vectors = frequencies[state // 2 :], vectors[:, state // 2 :]
    phases = vectors.mH @ p.to(vectors.dtype)
    vectors = vectors * (phases / phases.abs())
    return Modes(
        poles=torch.complex(torch.full_like(frequencies, -0.5), frequencies),
        low_rank=vectors.mH @ p.to(vectors.dtype),
        input=vectors.mH @ b.to(vectors.dtype),
        basis=vectors,
    )
