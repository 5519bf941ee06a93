"""Changes of an example that leave its meaning: noise, gaps, borrowed values, moves.

One object declares a change for every use of it: what a rule asks to be undone or recognised
(`denoising`, `recognition`), what two views of one example differ by (`contrastive`), what is
trained on as well (`augmented`), and what a trained model is tried on (`evaluation.deployment`).
All but the changes of pictures serve pictures, tables and texts alike.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Num
from torch import Tensor

from practicum.data.images import shifted
from practicum.errors import ConfigError

Examples = Num[Tensor, "b ..."]


class Corruption(Protocol):
    """A change of examples, each by itself; same shape, same kind of numbers."""

    def __call__(self, x: Examples, generator: torch.Generator) -> Examples: ...


@dataclass(frozen=True, kw_only=True)
class Noise:
    """x + ε with ε from N(0, std²), for real values."""

    std: float

    def __post_init__(self) -> None:
        if self.std < 0:
            raise ConfigError(f"Noise.std is {self.std}; expected at least 0")

    def __call__(
        self, x: Float[Tensor, "b ..."], generator: torch.Generator
    ) -> Float[Tensor, "b ..."]:
        return x + self.std * torch.randn(x.shape, dtype=x.dtype, generator=generator)


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Each value (pixel, cell, token) becomes `mark` with probability `share`."""

    share: float
    mark: float = 0

    def __post_init__(self) -> None:
        _check_share(self)

    def __call__(self, x: Examples, generator: torch.Generator) -> Examples:
        return x.masked_fill(places(x, self.share, generator), self.mark)


@dataclass(frozen=True, kw_only=True)
class Borrowed:
    """Each value becomes, with probability `share`, the one of another example at its place.

    Columns of a table so keep their distribution (Bahri et al. 2022, SCARF), texts their tokens.
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self)

    def __call__(self, x: Examples, generator: torch.Generator) -> Examples:
        others = x[torch.randperm(len(x), generator=generator)]
        return torch.where(places(x, self.share, generator), others, x)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Each square picture is moved by one of `moves` (right, down), in pixels; edges come in dark.

    Every move is as likely as the others; (0, 0) among them leaves a picture where it is.
    """

    moves: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.moves:
            raise ConfigError("Moved needs one move or more, such as (1, 0): a pixel to the right")

    def __call__(self, x: Float[Tensor, "b i"], generator: torch.Generator) -> Float[Tensor, "b i"]:
        if math.isqrt(x.shape[1]) ** 2 != x.shape[1]:
            raise ConfigError(f"only square pictures can be moved; got rows of {x.shape[1]} values")
        chosen = torch.randint(len(self.moves), (len(x),), generator=generator)
        result = x.clone()
        for number, (right, down) in enumerate(self.moves):
            rows = chosen == number
            if rows.any():
                result[rows] = torch.from_numpy(shifted(x[rows].numpy(), right, down))
        return result


@dataclass(frozen=True, kw_only=True)
class Turned:
    """Each square picture is turned by so many quarters, against the clock."""

    quarters: int

    def __call__(self, x: Float[Tensor, "b i"], generator: torch.Generator) -> Float[Tensor, "b i"]:
        side = math.isqrt(x.shape[1])
        return x.unflatten(1, (side, side)).rot90(self.quarters, (1, 2)).flatten(1)


@dataclass(frozen=True, kw_only=True)
class InTurn:
    """One change after another."""

    changes: tuple[Corruption, ...]

    def __call__(self, x: Examples, generator: torch.Generator) -> Examples:
        for change in self.changes:
            x = change(x, generator)
        return x


def within(pixels: int) -> tuple[tuple[int, int], ...]:
    """Every move of at most so many pixels along each axis, none among them: 9 for one pixel."""
    reach = range(-pixels, pixels + 1)
    return tuple((right, down) for down in reach for right in reach)


def places(x: Examples, share: float, generator: torch.Generator) -> Tensor:
    """True at each place of `x` with probability `share`."""
    return torch.rand(x.shape, generator=generator) < share


def _check_share(gaps: Gaps | Borrowed) -> None:
    if not 0 <= gaps.share <= 1:
        raise ConfigError(f"{type(gaps).__name__}.share is {gaps.share}; expected between 0 and 1")
