"""Systems whose matrix is diagonal plus low rank: S4 (Gu et al. 2021, §3 and Alg. 1).

    x' = (Λ − P P*) x + B u,   y = C x,   read every Δ by the bilinear rule

The kernel K̄ of length L is what its generating function says at the L roots of unity ω = e^{−iθ}:

    K̂(ω) = C̃ (I − Ā ω)⁻¹ B̄,   C̃ = C (I − Ā^L),   K̄ = inverse FFT of K̂
         = e^{iθ/2} Δ [k_CB − qΔ k_CP k_PB / (1 + qΔ k_PP)]            by Woodbury's identity
    k_ab = Σ_n a_n b_n / (p − q Δλ_n),   p = 2i sin θ/2,   q = cos θ/2

These are the paper's four Cauchy products at g = p/(qΔ) = 2/Δ·(1 − ω)/(1 + ω), with numerator and
denominator apart: nothing grows at ω = −1, where g has its pole. To go from C to C̃ or back takes a
power of the dense Ā, which training never needs: it learns C̃. A step of the recurrence is O(N):

    Ā x + B̄ u = (D − D P P*D / (2/Δ + P*D P)) ((I + Δ/2 (Λ − P P*)) x + Δ B u)
    D = (I − Δ/2 Λ)⁻¹

Of every conjugate pair of modes one is held, so a product a*b stands for 2 Re Σ ā_n b_n; dense
matrices are in coordinates [Re x, Im x]. Here `h` are independent systems, `c` rows of C, `m` = 2n.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from practicum.kernels.cauchy import cauchy


@dataclass(frozen=True)
class LowRankSystem:
    """Λ, P, B and Δ of every system."""

    poles: Complex[Tensor, "h n"]
    low_rank: Complex[Tensor, "h n"]
    input: Complex[Tensor, "h n"]
    step: Float[Tensor, " h"]

    def kernel(self, truncated: Complex[Tensor, "c h n"], length: int) -> Float[Tensor, "c h t"]:
        """K̄ of this length; `truncated` is C̃ for the same length."""
        p, q, turn = _roots(length, self.step.dtype, self.step.device)
        step, count = self.step[:, None], len(truncated)
        c = truncated.movedim(0, 1)
        vectors = torch.cat(
            [
                (self.low_rank.conj() * self.input)[:, None],
                (self.low_rank.conj() * self.low_rank)[:, None],
                c * self.input[:, None],
                c * self.low_rank[:, None],
            ],
            dim=1,
        )
        found = cauchy(vectors, step * self.poles, p, q)
        pb, pp, cb, cp = found.split([1, 1, count, count], dim=1)
        shrunk = (q * step)[:, None]
        values = cb - shrunk * cp * pb / (1 + shrunk * pp)
        spectrum = (turn * step)[:, None] * values
        return torch.fft.irfft(spectrum, n=length).movedim(1, 0)

    def advance(
        self, x: Complex[Tensor, "b h n"], u: Float[Tensor, "b h"]
    ) -> Complex[Tensor, "b h n"]:
        """Ā x + B̄ u."""
        half, p = self.step[:, None] / 2, self.low_rank
        d, below = self._inverse
        x = x + half * (self.poles * x - p * _dot(p, x) + 2 * self.input * u[..., None])
        return d * (x - p * (_dot(p, d * x) / below))

    @cached_property
    def _inverse(self) -> tuple[Complex[Tensor, "h n"], Float[Tensor, "h 1"]]:
        """D, and 2/Δ + P*D P."""
        half = self.step[:, None] / 2
        d = 1 / (1 - half * self.poles)
        return d, 1 / half + _dot(self.low_rank, d * self.low_rank)

    def dense(self) -> Float[Tensor, "h m m"]:
        """Ā."""
        h, n = self.poles.shape
        eye = torch.eye(n, dtype=self.poles.dtype, device=self.poles.device)
        units = torch.cat([eye, 1j * eye])[:, None].expand(-1, h, -1)
        moved = self.advance(
            units, self.step.new_zeros(2 * n, h)
        )  # column k of Ā is that of unit k
        return torch.cat([moved.real, moved.imag], dim=-1).permute(1, 2, 0)

    def truncated(self, c: Complex[Tensor, "c h n"], length: int) -> Complex[Tensor, "c h n"]:
        """C̃ of C for kernels of `length`."""
        rows = _as_rows(c)
        return _from_rows(rows - rows @ torch.linalg.matrix_power(self.dense(), length))

    def untruncated(self, c: Complex[Tensor, "c h n"], length: int) -> Complex[Tensor, "c h n"]:
        """C of C̃, of a system all of whose modes die out."""
        power = torch.linalg.matrix_power(self.dense(), length)
        left = torch.eye(power.shape[-1], dtype=power.dtype, device=power.device) - power
        return _from_rows(torch.linalg.solve(left, _as_rows(c), left=False))


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # may be made while generating and used while training
def _roots(length: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """p, q and e^{iθ/2} at the roots in one half of the circle; the others are their conjugates."""
    half = math.pi / length * torch.arange(length // 2 + 1, dtype=torch.float64)
    turn = torch.complex(half.cos(), half.sin())
    p, q = 2j * turn.imag, turn.real.clone()
    if length % 2 == 0:
        q[-1] = 0.0  # not the 6e-17 that cos(π/2) rounds to
    kind = dtype.to_complex()
    return p.to(device, kind), q.to(device, dtype), turn.to(device, kind)


def _dot(a: Complex[Tensor, "h n"], b: Complex[Tensor, "*b h n"]) -> Float[Tensor, "*b h 1"]:
    """a*b over both modes of every pair."""
    return 2 * (a.conj() * b).real.sum(-1, keepdim=True)


def _as_rows(c: Complex[Tensor, "c h n"]) -> Float[Tensor, "h c m"]:
    """C x = 2 Re Σ c_n x_n as a product with [Re x, Im x]."""
    return 2 * torch.cat([c.real, -c.imag], dim=-1).movedim(0, 1)


def _from_rows(rows: Float[Tensor, "h c m"]) -> Complex[Tensor, "c h n"]:
    real, imaginary = rows.movedim(1, 0).chunk(2, dim=-1)
    return torch.complex(real, -imaginary) / 2
