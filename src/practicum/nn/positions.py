"""Where a token stands: learned and sinusoidal vectors added at the bottom, and rotary turns.

Rotary positions belong to attention (`Attention(positions=Rope())`); the other two are added to the
embeddings by the whole network.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError

Layout = Literal["interleaved", "halves"]


@dataclass(frozen=True, kw_only=True)
class LearnedPositions:
    """A trained vector for each position below the context length."""

    def build(self, context: int, width: int) -> "LearnedPositionsLayer":
        return LearnedPositionsLayer(context, width)


@dataclass(frozen=True, kw_only=True)
class SinusoidalPositions:
    """PE(m, 2i) = sin(m / base^(2i/d)), PE(m, 2i+1) = cos(…) (Vaswani et al. 2017, §3.5).

    In the layout `halves`, that of the paper's code, all sines come before all cosines, and the
    timescales are base^(i/(d/2 − 1)): other ones, not only another order.
    """

    base: float = 10_000.0
    layout: Layout = "interleaved"

    def build(self, context: int, width: int) -> "SinusoidalPositionsLayer":
        return SinusoidalPositionsLayer(context, width, self)


@dataclass(frozen=True, kw_only=True)
class Rope:
    """Rotary positions (Su et al. 2021) with pairs (i, i + k/2) and angles m · base^(−2i/k)."""

    base: float = 10_000.0

    def __post_init__(self) -> None:
        if self.base <= 1.0:
            raise ConfigError(f"Rope.base is {self.base}; expected a number above 1")


class LearnedPositionsLayer(nn.Module):
    def __init__(self, context: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(context, width))

    def forward(self, positions: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        return F.embedding(positions, self.weight)


class SinusoidalPositionsLayer(nn.Module):
    """No parameters; the vectors are float32."""

    def __init__(self, context: int, width: int, description: SinusoidalPositions) -> None:
        super().__init__()
        self.context, self.width, self.description = context, width, description

    def forward(self, positions: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        base, layout = self.description.base, self.description.layout
        return sinusoids(self.context, self.width, base, layout, positions.device)[positions]


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # may be made while generating and used while training
def sinusoids(
    length: int, width: int, base: float, layout: Layout, device: torch.device
) -> Float[Tensor, "length d"]:
    """The vectors of `SinusoidalPositions` for every position below `length`, in float32."""
    pair = torch.arange((width + 1) // 2).double()
    spread = width / 2 if layout == "interleaved" else max(1.0, width / 2 - 1)
    angles = torch.outer(torch.arange(length).double(), torch.exp(pair / spread * -math.log(base)))
    if layout == "interleaved":
        both = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    else:
        both = torch.cat([angles.sin(), angles.cos()], dim=-1)
    return both[:, :width].float().to(device)
