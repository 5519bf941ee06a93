"""Positions as a bias on attention scores, by how far a key lies before its query.

    Slopes       −m_h · distance,  m_h = 2^(−8h/H)           ALiBi, Press et al. 2021, §3
    Buckets      table[bucket(distance)]_h                    T5, Raffel et al. 2019, §2.1
    Sinusoids    scale · (q + v_h)ᵀ W_h R(distance)           Transformer-XL, Dai et al. 2019, §3.3

with R the sinusoidal vector of a distance. Transformer-XL's third term, u_hᵀ k, does not depend on
the distance; it is a bias on the queries, and no other one.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.nn.seen import Distances


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """A fixed slope for each head: nothing is learned, and longer texts are only farther away."""

    def build(self, width: int, heads: int, head_width: int, scale: float) -> "SlopesLayer":
        return SlopesLayer(heads)


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """A learned number for each head and each of `count` ranges of distances.

    The first half of the ranges holds one distance each, the others grow by a factor up to `far`,
    and all beyond is one. `both_ways` spends half of all on keys that come after the query.
    `shared`: all blocks of a stack have one table.
    """

    count: int = 32
    far: int = 128
    both_ways: bool = False
    shared: bool = True

    def __post_init__(self) -> None:
        if self.count < 4 or self.count % (4 if self.both_ways else 2) or self.far <= self.count:
            raise ConfigError(
                f"{self.count} buckets up to a distance of {self.far}; expected an even number "
                "of 4 or more, a multiple of 4 both ways, and a distance above it"
            )

    def build(self, width: int, heads: int, head_width: int, scale: float) -> "BucketsLayer":
        return BucketsLayer(heads, self)


@dataclass(frozen=True, kw_only=True)
class Sinusoids:
    """The sinusoidal vector of the distance, seen by each query through a matrix of its head."""

    base: float = 10_000.0

    def build(self, width: int, heads: int, head_width: int, scale: float) -> "SinusoidsLayer":
        return SinusoidsLayer(width, heads, head_width, scale, self)


Relative = Slopes | Buckets | Sinusoids


class SlopesLayer(nn.Module):
    """No parameters."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.slopes = slopes(heads)

    def forward(self, q: Float[Tensor, "b h t k"], far: Distances) -> Float[Tensor, "#b h t s"]:
        slope = torch.tensor(self.slopes, device=far.device, dtype=torch.float32)
        return -slope[:, None, None] * far[:, None].abs()


class BucketsLayer(nn.Module):
    def __init__(self, heads: int, description: Buckets) -> None:
        super().__init__()
        self.description = description
        self.weight = nn.Parameter(torch.empty(description.count, heads))

    def forward(self, q: Float[Tensor, "b h t k"], far: Distances) -> Float[Tensor, "#b h t s"]:
        chosen = F.embedding(bucket(far, self.description), self.weight)
        return chosen.permute(0, 3, 1, 2)


class SinusoidsLayer(nn.Module):
    def __init__(
        self, width: int, heads: int, head_width: int, scale: float, description: Sinusoids
    ) -> None:
        super().__init__()
        self.width, self.scale, self.base = width, scale, description.base
        self.weight = nn.Parameter(torch.empty(heads, head_width, width))
        self.bias = nn.Parameter(torch.empty(heads, head_width))  # v: what every query asks for

    def forward(self, q: Float[Tensor, "b h t k"], far: Distances) -> Float[Tensor, "b h t s"]:
        low, high = int(far.min()), int(far.max())
        steps = torch.arange(low, high + 1, device=far.device)
        rates = self.base ** (-torch.arange(0, self.width, 2, device=far.device) / self.width)
        angles = steps[:, None] * rates
        vectors = torch.cat([angles.sin(), angles.cos()], dim=-1)[:, : self.width].to(q.dtype)
        keys = torch.einsum("hkd,nd->hnk", self.weight, vectors)
        asked = torch.einsum("bhtk,hnk->bhtn", q + self.bias[:, None], keys) * self.scale
        place = (far - low)[:, None].expand(q.shape[0], q.shape[1], -1, -1)
        return asked.gather(-1, place)


def slopes(heads: int) -> list[float]:
    """m_h: a geometric row from 2^(−8/H) down to 2^−8 where H is a power of two.

    For other numbers of heads, those of the next lower power, then every other one of the next
    higher power (the authors' code).
    """
    power = 1 << int(math.log2(heads))
    own = [2.0 ** (-8.0 * (h + 1) / power) for h in range(power)]
    between = [2.0 ** (-8.0 * (h + 1) / (2 * power)) for h in range(0, 2 * power, 2)]
    return own + between[: heads - power]


def bucket(far: Int[Tensor, "*s"], ranges: Buckets) -> Int[Tensor, "*s"]:
    """The range that each distance from a key to its query falls into, counted from 0."""
    count, after = ranges.count, torch.zeros_like(far)
    if ranges.both_ways:
        count //= 2
        after = count * (far < 0).long()
        far = far.abs()
    far = far.clamp(min=0)
    exact = count // 2
    # float32, as in the original: at the borders rounding decides
    share = torch.log(far.clamp(min=1).float() / exact) / math.log(ranges.far / exact)
    farther = (exact + (share * (count - exact)).long()).clamp(max=count - 1)
    return after + torch.where(far < exact, far, farther)
