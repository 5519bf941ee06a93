"""The part of an agent's network that reads an observation: dense layers, or convolutions.

A trunk is described without its input; it is built for observations of one shape (b, *shape) and
makes (b, width) features.
"""

import math
from dataclasses import dataclass
from typing import Literal, final

from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.models.perceptron import Perceptron, PerceptronModel
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Hidden layers of neurons, each joined to all of the layer before."""

    hidden: tuple[int, ...] = (64, 64)
    activation: Literal["tanh", "relu"] = "tanh"

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError(f"Dense.hidden is {self.hidden}; expected one width or more, above 0")

    @property
    def width(self) -> int:
        """How many features it makes."""
        return self.hidden[-1]

    def inputs(self, shape: tuple[int, ...]) -> dict[str, int]:
        """How many numbers a neuron of each layer sees, by the layer's name."""
        widths = (math.prod(shape), *self.hidden)
        return {f"layers.{index}": inputs for index, inputs in enumerate(widths[:-1])}

    def build(self, shape: tuple[int, ...]) -> PerceptronModel:
        """The trunk for observations of `shape`."""
        widths = (math.prod(shape), *self.hidden)
        return Perceptron(widths=widths, activation=self.activation, output=self.activation).build()


@dataclass(frozen=True, kw_only=True)
class Convolutions:
    """Convolutions of (channels, side, stride) without padding, then one dense layer; all ReLU.

    The standard values are those of Mnih et al. 2015 (Methods, "Model architecture"). Images are
    (channels, height, width), or (height, width, channels) where the last axis is the shortest.
    """

    layers: tuple[tuple[int, int, int], ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
    hidden: int = 512

    @property
    def width(self) -> int:
        """How many features it makes."""
        return self.hidden

    def sides(self, shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
        """(channels, height, width) of the image and after each convolution.

        Raises ConfigError for an observation that is no image, or too small a one.
        """
        if len(shape) != 3:
            raise ConfigError(
                f"convolutions read images of three axes; got observations of {shape}"
            )
        last = shape[2] < min(shape[0], shape[1])
        sides = [(shape[2], *shape[:2]) if last else shape]
        for channels, side, stride in self.layers:
            high, wide = ((size - side) // stride + 1 for size in sides[-1][1:])
            if min(high, wide) < 1:
                raise ConfigError(
                    f"an image of {shape} is too small for convolutions {self.layers}"
                )
            sides.append((channels, high, wide))
        return sides

    def inputs(self, shape: tuple[int, ...]) -> dict[str, int]:
        """How many numbers a neuron of each layer sees, by the layer's name."""
        sides = self.sides(shape)
        seen = [
            before[0] * side**2 for before, (_, side, _) in zip(sides, self.layers, strict=False)
        ]
        named = {f"convolutions.{index}": count for index, count in enumerate(seen)}
        return {**named, "dense": math.prod(sides[-1])}

    def build(self, shape: tuple[int, ...]) -> "ConvolutionsModel":
        """The trunk for images of `shape`."""
        return ConvolutionsModel(self, shape)


@final
class ConvolutionsModel(nn.Module):
    """The trunk that `Convolutions` describe, for images of `shape`."""

    def __init__(self, description: Convolutions, shape: tuple[int, ...]) -> None:
        super().__init__()
        sides = description.sides(shape)
        self.channels_last = sides[0] != shape
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before[0], channels, side, stride)
            for before, (channels, side, stride) in zip(sides, description.layers, strict=False)
        )
        self.dense = LinearLayer(math.prod(sides[-1]), {"feature": description.hidden}, bias=True)

    def forward(self, x: Float[Tensor, "b a i j"]) -> Float[Tensor, "b f"]:
        if self.channels_last:
            x = x.movedim(3, 1)
        for layer in self.convolutions:
            x = layer(x).relu()
        return self.dense(x.flatten(1)).relu()


Trunk = Dense | Convolutions
