"""Systems whose matrix is diagonal: S4D (Gu et al. 2022, §3).

    x' = Λ x + u,   y = C x = 2 Re Σ_n C_n x_n        one of every conjugate pair of modes is held
    zoh         Ā = e^{ΔΛ},   B̄ = (e^{ΔΛ} − 1)/Λ
    bilinear    Ā = (1 + ΔΛ/2)/(1 − ΔΛ/2),   B̄ = Δ/(1 − ΔΛ/2)
    K̄_l = 2 Re Σ_n C_n B̄_n Ā_n^l

B is 1: only its product with C could be seen. Here `h` are independent systems, `c` rows of C.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from practicum.kernels.state_space import Discretisation
from practicum.kernels.vandermonde import vandermonde


@dataclass(frozen=True)
class DiagonalSystem:
    """Λ and Δ of every system, and how steps are made of it."""

    poles: Complex[Tensor, "h n"]
    step: Float[Tensor, " h"]
    discretisation: Discretisation

    @cached_property
    def discrete(self) -> tuple[Complex[Tensor, "h n"], Complex[Tensor, "h n"]]:
        """log Ā and B̄."""
        moved = self.step[:, None] * self.poles
        if self.discretisation == "zoh":
            return moved, torch.expm1(moved) / self.poles
        below = 1 - moved / 2
        return ((1 + moved / 2) / below).log(), self.step[:, None] / below

    def kernel(self, c: Complex[Tensor, "c h n"], length: int) -> Float[Tensor, "c h t"]:
        """K̄ of this length."""
        logs, b = self.discrete
        return vandermonde((c * b).movedim(0, 1), logs, length).movedim(1, 0)

    def advance(
        self, x: Complex[Tensor, "b h n"], u: Float[Tensor, "b h"]
    ) -> Complex[Tensor, "b h n"]:
        """Ā x + B̄ u."""
        logs, b = self.discrete
        return logs.exp() * x + b * u[..., None]

    def dense(self) -> Float[Tensor, "h m m"]:
        """Ā over states as [Re x, Im x]."""
        bar = self.discrete[0].exp()
        real, imaginary = torch.diag_embed(bar.real), torch.diag_embed(bar.imag)
        return torch.cat(
            [torch.cat([real, -imaginary], dim=2), torch.cat([imaginary, real], dim=2)], dim=1
        )
