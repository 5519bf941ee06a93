"""From signals to vectors that stand among those of words: patches of pictures, frames of sound.

A `Projection` is one matrix for every patch (or frame). A `Tower` lets the patches of a picture see
each other first: places are added, a stack reads them both ways, and a matrix leads to the width of
the words (Dosovitskiy et al. 2021, eqs. 1 to 4).
"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Stack
from practicum.nn.state import BothWays


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Every piece of `features` numbers by itself, at one of `places` or at none."""

    features: int
    places: int | None = None  # the most pieces of one signal, where their order is added

    def __post_init__(self) -> None:
        if self.features < 1 or (self.places is not None and self.places < 1):
            raise ConfigError(
                f"Projection of {self.features} features at {self.places} places; expected 1 or "
                "more of both, or None places"
            )

    def build(self, width: int) -> "SenseLayer":
        return SenseLayer(self.features, self.places, None, width)


@dataclass(frozen=True, kw_only=True)
class Tower:
    """Pieces of one signal see each other in `stack` before they are handed on."""

    features: int
    places: int
    stack: Stack

    def __post_init__(self) -> None:
        if self.features < 1 or self.places < 1:
            raise ConfigError(
                f"Tower of {self.features} features at {self.places} places; expected 1 or more"
            )

    def build(self, width: int) -> "SenseLayer":
        return SenseLayer(self.features, self.places, self.stack, width)


Sense = Projection | Tower


class SenseLayer(nn.Module):
    def __init__(self, features: int, places: int | None, stack: Stack | None, width: int) -> None:
        super().__init__()
        inner = width if stack is None else stack.width
        self.features, self.places = features, places
        self.enter = LinearLayer(features, {"enter": inner}, bias=True)
        self.positions = None if places is None else LearnedPositions().build(places, inner)
        self.stack = None if stack is None else stack.build()
        self.leave = None if stack is None else LinearLayer(inner, {"leave": width}, bias=True)

    def forward(
        self, signals: Float[Tensor, "m n f"], real: Bool[Tensor, "m n"] | None = None
    ) -> Float[Tensor, "m n d"]:
        """Signals of up to n pieces; where they have fewer, `real` says which are none.

        Raises ModelError for more pieces than there are places.
        """
        count, past = signals.shape[1], BothWays(real)
        if self.places is not None and count > self.places:
            raise ModelError(
                f"a signal of {count} pieces where there are places for {self.places}; "
                "give a smaller one, or a sense with more places"
            )
        x = self.enter(signals)
        if self.positions is not None:
            x = x + self.positions(past.positions(count, x.device)).to(x.dtype)
        if self.stack is not None and self.leave is not None:
            x = self.leave(self.stack(x, past))
        return x
