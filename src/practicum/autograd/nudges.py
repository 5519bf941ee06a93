"""Backpropagation told as wishes (3Blue1Brown 2017, deep learning chapter 3).

One example looks at the network. Every neuron j hears a wish, and s_j = f′(z_j) is how far its
activation follows its z:

    output      w_j = −∂C₀/∂a_j = 2(y_j − a_j)       up for the right digit, down for the others
    bias        Δb_j = w_j s_j
    weight      ΔW_jk = a_k w_j s_j                   most from the brightest neurons k
    activation  w_k = Σ_j W_jk w_j s_j                 what all the neurons above want of k, summed

and so on downwards. The nudges of weights and biases, averaged over examples, are the step −∇C.
`wishes` tells it of one example; the others are the same nudges, computed for many at once.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Inexact

from practicum.autograd.costs import Output
from practicum.autograd.layers import Layered, Place, Rows, Vector

Example = Inexact[np.ndarray, " _"]
Examples = Inexact[np.ndarray, "n _"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Wishes:
    """What one example asks of one layer, and of the layer before it."""

    wish: Example  # w_j of its neurons
    slope: Example  # s_j
    bias: Example  # Δb_j
    weight: Inexact[np.ndarray, "_ _"]  # ΔW_jk
    below: Example  # w_k of the layer before


def wishes(network: Layered, vector: Vector, x: Example, y: Example) -> list[Wishes]:
    """Those of every layer after the input, the first layer first."""
    weights, _ = network.split(vector)
    z, a = network.trace(vector, x)
    wish = -network.cost.slope(a[-1], y)
    found = []
    for layer in range(len(weights), 0, -1):
        slope = network.activations[layer - 1].slope(z[layer - 1], a[layer])
        bias = wish * slope
        below = weights[layer - 1].T @ bias
        weight = np.outer(bias, a[layer - 1])
        found.append(Wishes(wish=wish, slope=slope, bias=bias, weight=weight, below=below))
        wish = below
    return found[::-1]


def joined(asked: list[Wishes]) -> Vector:
    """The nudges of all parameters as one vector, in the network's order."""
    return np.concatenate([part for w in asked for part in (w.weight.ravel(), w.bias)])


def per_sample_nudges(
    network: Layered, vector: Vector, x: Examples, y: Examples
) -> Inexact[np.ndarray, "n p"]:
    """The nudge of every parameter (columns) by every example (rows); their mean is −∇C.

    n · p numbers: 130 kB per example for 784-16-16-10.
    """
    n, parts = len(x), []
    for delta, a in zip(*network.deltas(vector, x, y), strict=True):
        parts += [np.einsum("nj,nk->njk", delta, a).reshape(n, -1), delta]
    return -np.concatenate(parts, axis=1)


@dataclass(frozen=True)
class Knob:
    """A parameter, and how it should move."""

    place: Place
    nudge: float

    def times(self, other: "Knob") -> float:
        """How many times as sensitive the cost is to this knob: 3.2 is 32 times −0.1."""
        return abs(self.nudge) / abs(other.nudge)


def top_knobs(network: Layered, vector: Vector, x: Example, y: Example, count: int) -> list[Knob]:
    """The `count` parameters to which the cost of this example is most sensitive."""
    nudges = joined(wishes(network, vector, x, y))
    largest = np.argsort(-np.abs(nudges), kind="stable")[:count]
    return [Knob(network.place(index), float(nudges[index])) for index in largest.tolist()]


def pulls(
    network: Layered, vector: Vector, x: Examples, y: Examples, image: Example, neuron: int
) -> Inexact[np.ndarray, " n"]:
    """How much each example's nudge would move the activation of an output neuron for `image`.

    (−∇C_i) · ∇a_j: positive pulls the answer up, and the most negative examples pull hardest
    against it. To first order, for a small step; no n · p numbers are held.
    """
    asked = replace(network, cost=Output(neuron))
    answer = asked.gradient(vector, image[None], np.zeros((1, network.widths[-1])))
    found: Rows = np.zeros(len(x))
    layers = zip(*network.deltas(vector, x, y), *network.split(answer), strict=True)
    for delta, a, weight, bias in layers:
        found -= np.einsum("nj,nj->n", delta, a @ weight.T + bias)
    return found
