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
from practicum.kernels.rotary import rotary_table
from practicum.nn.rope_scaling import Dynamic, RopeScaling, plain_rates

Layout = Literal["interleaved", "halves"]


@dataclass(frozen=True, kw_only=True)
class LearnedPositions:
    """A trained vector for each position below the context length.

    `spare` rows come before them and are for no position: padding's, in OPT's weights.
    """

    spare: int = 0

    def build(self, context: int, width: int) -> "LearnedPositionsLayer":
        return LearnedPositionsLayer(context, width, self.spare)


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
    """Rotary positions (Su et al. 2021) with pairs (i, i + k/2) and angles m · base^(−2i/k).

    With `share` < 1 only the first so many dimensions of a head are turned (GPT-J, Phi).
    """

    base: float = 10_000.0
    share: float = 1.0
    scaling: RopeScaling | None = None  # for texts longer than those of training

    def __post_init__(self) -> None:
        if self.base <= 1.0:
            raise ConfigError(f"Rope.base is {self.base}; expected a number above 1")
        if not 0.0 < self.share <= 1.0:
            raise ConfigError(f"Rope.share is {self.share}; expected 0 < share ≤ 1")

    def turned(self, head_width: int) -> int:
        """How many dimensions of a head are turned. Raises ConfigError where they make no pairs."""
        turned = int(head_width * self.share)
        if turned % 2 or turned < 2:
            raise ConfigError(
                f"rotary positions turn pairs, and {self.share:g} of a head of width {head_width} "
                f"is {turned} dimensions; choose another head width or share"
            )
        return turned

    def table(self, head_width: int, reach: int, device: torch.device) -> Float[Tensor, "n 2 half"]:
        """cos and sin of every position below `reach` at least, made once for many lengths."""
        # for powers of two, so that a growing text makes few tables
        length, width = max(256, 1 << (reach - 1).bit_length()), self.turned(head_width)
        if self.scaling is None:
            return turned_table(self.base, width, length, device)
        grows = isinstance(self.scaling, Dynamic) and reach > self.scaling.context
        known = reach if grows else 1  # the length that the rates depend on, if any
        return _scaled_table(self.scaling, self.base, width, length, known, device)


def turned_table(
    base: float, width: int, length: int, device: torch.device
) -> Float[Tensor, "n 2 half"]:
    """cos and sin of the pairs of `width` dimensions at every position below `length`."""
    return _plain_table(base, width, length, device)


# What is cached here may be made while generating and used while training, where tensors made in
# inference mode are refused: hence `inference_mode(False)`.
@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _plain_table(
    base: float, width: int, length: int, device: torch.device
) -> Float[Tensor, "n 2 half"]:
    return rotary_table(length, plain_rates(width, base)).to(device)


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _scaled_table(
    scaling: RopeScaling, base: float, width: int, length: int, known: int, device: torch.device
) -> Float[Tensor, "n 2 half"]:
    rates = scaling.rates(width, base, known)
    return rotary_table(length, rates).to(device) * scaling.magnitude()


class LearnedPositionsLayer(nn.Module):
    def __init__(self, context: int, width: int, spare: int) -> None:
        super().__init__()
        self.spare = spare
        self.weight = nn.Parameter(torch.empty(context + spare, width))

    def forward(self, positions: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        return F.embedding(positions + self.spare if self.spare else positions, self.weight)


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
