"""Rotary angles for texts longer than a model was trained on: other rates for the pairs of a head.

With θ_i = base^(−2i/k) the rate of pair i, L the trained context and s the factor it grows by:

    Interpolated   θ_i / s                                            Chen et al. 2023, eq. 4
    Dynamic        base ← base · (s·n/L − s + 1)^(k/(k−2)) for n > L  "dynamic NTK", a text of n
    Yarn           θ_i / s for slow pairs, θ_i for fast ones, a ramp between; q and k grow by
                   0.1 ln s + 1                                       Peng et al. 2023, §3.2-3.4
    Smoothed       as Yarn, with borders in wavelengths of L          Llama 3.1
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Interpolated:
    """Positions are pressed together by `factor`."""

    factor: float

    def __post_init__(self) -> None:
        _check_factor(self.factor)

    def rates(self, width: int, base: float, length: int) -> Float[Tensor, " half"]:
        return plain_rates(width, base) / self.factor

    def magnitude(self) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """The base grows with the text once it is longer than `context`."""

    factor: float
    context: int

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        _check_context(self.context)

    def rates(self, width: int, base: float, length: int) -> Float[Tensor, " half"]:
        longer = max(length, self.context) / self.context
        grown = self.factor * longer - (self.factor - 1)
        return plain_rates(width, base * grown ** (width / (width - 2)))

    def magnitude(self) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Yarn:
    """Pairs that turn more than `fast` times in the context stay, fewer than `slow` are pressed."""

    factor: float
    context: int
    fast: float = 32.0
    slow: float = 1.0
    growth: float | None = None  # of q and k; None: 0.1 ln(factor) + 1
    whole: bool = True  # the ramp's borders are rounded to whole pairs

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        _check_context(self.context)
        if not 0 < self.slow < self.fast:
            raise ConfigError(f"turns from {self.slow} to {self.fast}; expected 0 < slow < fast")

    def rates(self, width: int, base: float, length: int) -> Float[Tensor, " half"]:
        def pair(turns: float) -> float:  # the one that turns so often within the context
            return width * math.log(self.context / (turns * 2 * math.pi)) / (2 * math.log(base))

        low, high = pair(self.fast), pair(self.slow)
        if self.whole:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, width - 1)
        ramp = (torch.arange(width // 2).double() - low) / max(high - low, 1e-3)
        pressed = ramp.clamp(0, 1)
        rates = plain_rates(width, base)
        return rates / self.factor * pressed + rates * (1 - pressed)

    def magnitude(self) -> float:
        return 0.1 * math.log(self.factor) + 1.0 if self.growth is None else self.growth


@dataclass(frozen=True, kw_only=True)
class Smoothed:
    """Pairs longer than context / `low` are pressed, shorter than context / `high` stay."""

    factor: float
    context: int
    low: float = 1.0
    high: float = 4.0

    def __post_init__(self) -> None:
        _check_factor(self.factor)
        _check_context(self.context)
        if not 0 < self.low < self.high:
            raise ConfigError(f"borders of {self.low} and {self.high}; expected 0 < low < high")

    def rates(self, width: int, base: float, length: int) -> Float[Tensor, " half"]:
        rates = plain_rates(width, base)
        turns = self.context * rates / (2 * math.pi)  # within the context
        stays = ((turns - self.low) / (self.high - self.low)).clamp(0, 1)
        return rates / self.factor * (1 - stays) + rates * stays

    def magnitude(self) -> float:
        return 1.0


RopeScaling = Interpolated | Dynamic | Yarn | Smoothed


def plain_rates(width: int, base: float) -> Float[Tensor, " half"]:
    """θ_i = base^(−2i/k), in float64."""
    return base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def _check_factor(factor: float) -> None:
    if factor < 1.0:
        raise ConfigError(f"a context that grows by a factor of {factor}; expected 1 or more")


def _check_context(context: int) -> None:
    if context < 1:
        raise ConfigError(f"a trained context of {context}; expected at least 1 token")
