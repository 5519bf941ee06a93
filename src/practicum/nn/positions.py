"""Where a token stands: learned and sinusoidal vectors added at the bottom, and rotary turns.

Rotary positions belong to attention (`Attention(positions=Rope())`); the other two are added to the
embeddings by the whole network.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LearnedPositions:
    """A trained vector for each position below the context length."""


@dataclass(frozen=True, kw_only=True)
class SinusoidalPositions:
    """PE(m, 2i) = sin(m / base^(2i/d)), PE(m, 2i+1) = cos(…) (Vaswani et al. 2017, §3.5)."""

    base: float = 10_000.0


@dataclass(frozen=True, kw_only=True)
class Rope:
    """Rotary positions (Su et al. 2021) with pairs (i, i + k/2) and angles m · base^(−2i/k)."""

    base: float = 10_000.0

    def __post_init__(self) -> None:
        if self.base <= 1.0:
            raise ConfigError(f"Rope.base is {self.base}; expected a number above 1")


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # may be made while generating and used while training
def sinusoids(
    length: int, width: int, base: float, device: torch.device
) -> Float[Tensor, "length d"]:
    """The vectors of `SinusoidalPositions` for every position below `length`, in float32."""
    rates = torch.exp(torch.arange(0, width, 2).double() * (-math.log(base) / width))
    angles = torch.outer(torch.arange(length).double(), rates)
    both = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return both[:, :width].float().to(device)
