"""Where the modes of a state space model start: data for the table of initial weights.

    legs    Λ, P and B of HiPPO-LegS in its normal plus low-rank form       (Gu et al. 2021, Thm 1)
    inv     Λ_n = −½ + i N/π (N/(2n+1) − 1)                                 (Gu et al. 2022, eq. 8)
    lin     Λ_n = −½ + iπn                                                  (eq. 9)
    real    Λ_n = −(n+1)                                                    (Table 1)

N counts both of each conjugate pair, n = 0 … N/2 − 1. A parameter of a layer holds one part of
this, the same for each of its channels.
"""

import math
from dataclasses import dataclass
from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError
from practicum.kernels.hippo import legs_modes

Spectrum = Literal["legs", "inv", "lin", "real"]


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """log Δ with Δ drawn between `low` and `high`, every order of magnitude alike."""

    low: float = 1e-3
    high: float = 1e-1

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ConfigError(f"LogUniform from {self.low} to {self.high}; expected 0 < low < high")

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape."""
        span = math.log(self.high) - math.log(self.low)
        return math.log(self.low) + span * torch.rand(shape, generator=generator)


@dataclass(frozen=True, kw_only=True)
class ModesOf:
    """One part of the modes of a spectrum, in the last axis; pairs of real numbers for P and B."""

    spectrum: Spectrum
    part: Literal["log_decay", "frequency", "low_rank", "input"]

    def __post_init__(self) -> None:
        if self.part in ("low_rank", "input") and self.spectrum != "legs":
            raise ConfigError(f"the spectrum '{self.spectrum}' has no {self.part}; 'legs' has")

    def drawn(self, shape: torch.Size, generator: torch.Generator) -> Float[Tensor, "..."]:
        """Values for a parameter of this shape; nothing is random."""
        paired = self.part in ("low_rank", "input")
        state = 2 * shape[-2 if paired else -1]
        match self.part:
            case "log_decay":
                found = (-poles(self.spectrum, state).real).log()
            case "frequency":
                found = poles(self.spectrum, state).imag
            case "low_rank":
                found = torch.view_as_real(legs_modes(state).low_rank)
            case "input":
                found = torch.view_as_real(legs_modes(state).input)
            case _:
                assert_never(self.part)
        return found.float().expand(shape)


def poles(spectrum: Spectrum, state: int) -> Tensor:
    """Λ of one of each conjugate pair, in complex128."""
    n = torch.arange(state // 2, dtype=torch.float64)
    match spectrum:
        case "legs":
            return legs_modes(state).poles
        case "inv":
            return torch.complex(-0.5 + 0 * n, state / math.pi * (state / (2 * n + 1) - 1))
        case "lin":
            return torch.complex(-0.5 + 0 * n, math.pi * n)
        case "real":
            return torch.complex(-(n + 1), 0 * n)
        case _:
            assert_never(spectrum)
