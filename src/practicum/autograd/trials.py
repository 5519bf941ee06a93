"""Places to try a gradient at, and how far two gradients are apart there.

A partial's error is its distance from the right value, relative to that value, or to the root mean
square of all partials where that is larger: of a partial that is nearly 0 by cancellation, nobody
can ask for the same digits.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from practicum.autograd.activations import ACTIVATIONS, RELU, SIGMOID
from practicum.autograd.layers import Layered, Vector

BESIDE_KINKS = (
    1e-3  # how far the z of every ReLU stays from 0: further than any small step moves it
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """A network at one place, with the examples of its cost."""

    network: Layered
    vector: Vector
    x: Float[np.ndarray, "n i"]
    y: Float[np.ndarray, "n o"]

    @property
    def at(self) -> tuple[Vector, Float[np.ndarray, "n i"], Float[np.ndarray, "n o"]]:
        """What a gradient is a function of."""
        return self.vector, self.x, self.y

    def cost(self, vector: Vector) -> float | complex:
        """C at other parameters, real or complex."""
        return self.network.mean_cost(vector, self.x, self.y)


def digit_trial(
    hidden: tuple[int, ...],
    x: Float[np.ndarray, "n i"],
    y: Float[np.ndarray, "n o"],
    generator: np.random.Generator,
) -> Trial:
    """A network of sigmoids for these examples, before it has learnt anything."""
    widths = (x.shape[1], *hidden, y.shape[1])
    network = Layered(widths=widths, activations=(SIGMOID,) * (len(widths) - 1))
    return Trial(network=network, vector=network.start(generator, "scaled"), x=x, y=y)


def random_trial(generator: np.random.Generator, examples: int) -> Trial:
    """2 to 5 layers after the input, of 1 to 20 neurons, each with any of the activations.

    No example lies within reach of a kink, where a difference would mean two slopes at once.
    """
    widths = tuple(generator.integers(1, 21, size=generator.integers(3, 7)).tolist())
    names = generator.choice(list(ACTIVATIONS), size=len(widths) - 1)
    network = Layered(widths=widths, activations=tuple(ACTIVATIONS[name] for name in names))
    vector = generator.normal(size=network.size)
    x = generator.normal(size=(4 * examples, widths[0]))
    clear = np.full(len(x), True)
    for f, z in zip(network.activations, network.trace(vector, x).z, strict=True):
        clear &= (np.abs(z) > BESIDE_KINKS).all(1) | (f is not RELU)
    x = x[clear][:examples]
    return Trial(
        network=network, vector=vector, x=x, y=generator.uniform(size=(len(x), widths[-1]))
    )


def errors(found: Vector, right: Vector) -> Float[np.ndarray, " p"]:
    """The error of every partial; 0 where all are 0 and should be."""
    usual = np.sqrt(np.square(right).mean())
    size = np.maximum(np.abs(right), usual)
    return np.abs(found - right) / np.where(size > 0, size, 1.0)


def errors_by_layer(network: Layered, found: Vector, right: Vector) -> list[float]:
    """‖found − right‖ / ‖right‖ of the weights and biases of each layer."""
    apart, whole = (
        [float(np.sqrt((w * w).sum() + (b * b).sum())) for w, b in zip(*parts, strict=True)]
        for parts in (network.split(found - right), network.split(right))
    )
    return [distance / length for distance, length in zip(apart, whole, strict=True)]
