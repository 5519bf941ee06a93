"""Layered networks and the four equations of backpropagation (3Blue1Brown 2017, "calculus").

Layers are numbered l = 1 … L, and a⁽⁰⁾ = x is the input; w_jk leads to neuron j from neuron k:

    z⁽ˡ⁾_j = Σ_k w⁽ˡ⁾_jk a⁽ˡ⁻¹⁾_k + b⁽ˡ⁾_j          a⁽ˡ⁾_j = f(z⁽ˡ⁾_j)

With δ⁽ˡ⁾ = ∂C₀/∂z⁽ˡ⁾ for the cost C₀ of one example (Nielsen's equations, with any cost):

    (1) δ⁽ᴸ⁾ = ∂C₀/∂a⁽ᴸ⁾ ⊙ f′(z⁽ᴸ⁾)                (3) ∂C₀/∂W⁽ˡ⁾ = δ⁽ˡ⁾ a⁽ˡ⁻¹⁾ᵀ
    (2) δ⁽ˡ⁾ = (W⁽ˡ⁺¹⁾ᵀ δ⁽ˡ⁺¹⁾) ⊙ f′(z⁽ˡ⁾)          (4) ∂C₀/∂b⁽ˡ⁾ = δ⁽ˡ⁾

Forward, a layer is one matrix product; backward it is two, (2) and (3): a pass back costs about two
forward, for all partials together, where differences cost two forward for each.

Of a batch every quantity is a matrix with a row per example; C is the mean of the C₀, so (3)
becomes Δᵀ A / n and (4) the mean of Δ's rows. Everything also takes complex numbers, so that a
complex step can check it. Python counts from 0: weights[l − 1] is W⁽ˡ⁾, z[l − 1] z⁽ˡ⁾, a[l] a⁽ˡ⁾.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Inexact

from practicum.autograd.activations import Activation
from practicum.autograd.costs import Cost, Costs, SummedSquares
from practicum.errors import ConfigError

Vector = Inexact[np.ndarray, " p"]  # all parameters: W⁽¹⁾ row by row, b⁽¹⁾, W⁽²⁾, b⁽²⁾, …
Matrix = Inexact[np.ndarray, "_ _"]  # (to, from)
Rows = Inexact[np.ndarray, "*b _"]  # one example, or a row for each of several
Bias = Inexact[np.ndarray, " _"]
Back = Callable[[Matrix, Rows], Rows]


class Trace(NamedTuple):
    """What a forward pass computed: z⁽¹⁾ … z⁽ᴸ⁾ and a⁽⁰⁾ … a⁽ᴸ⁾."""

    z: list[Rows]
    a: list[Rows]


class Place(NamedTuple):
    """Which parameter: w⁽ˡ⁾_jk, or b⁽ˡ⁾_j, whose k is None. j and k count from 0."""

    kind: Literal["w", "b"]
    layer: int
    j: int
    k: int | None


def forward(
    weights: Sequence[Matrix],
    biases: Sequence[Bias],
    activations: Sequence[Activation],
    x: Rows,
) -> Trace:
    """z⁽ˡ⁾ = W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾ and a⁽ˡ⁾ = f(z⁽ˡ⁾) of every layer; of a batch, Z = A Wᵀ + b."""
    trace = Trace([], [x])
    for weight, bias, activation in zip(weights, biases, activations, strict=True):
        z = trace.a[-1] @ weight.T
        z += bias
        trace.z.append(z)
        trace.a.append(activation.value(z))
    return trace


def sum_over_paths(
    weight: Inexact[np.ndarray, "o i"], delta: Inexact[np.ndarray, "*b o"]
) -> Inexact[np.ndarray, "*b i"]:
    """∂C₀/∂a_k = Σ_j w_jk δ_j: a neuron acts on the cost through every neuron of the next layer."""
    return delta @ weight


def deltas(
    weights: Sequence[Matrix],
    activations: Sequence[Activation],
    trace: Trace,
    slope: Rows,
    back: Back = sum_over_paths,
) -> list[Rows]:
    """δ⁽¹⁾ … δ⁽ᴸ⁾ by (1) and (2), from `slope` = ∂C₀/∂a⁽ᴸ⁾; `back` makes ∂C₀/∂a⁽ˡ⁾ of δ⁽ˡ⁺¹⁾."""
    found = [slope * activations[-1].slope(trace.z[-1], trace.a[-1])]
    for layer in range(len(weights) - 1, 0, -1):
        heard = back(weights[layer], found[-1])
        found.append(heard * activations[layer - 1].slope(trace.z[layer - 1], trace.a[layer]))
    return found[::-1]


@dataclass(frozen=True, kw_only=True)
class Layered:
    """The network of `widths` neurons, the input first, and its cost; one activation per layer.

    It owns no parameters: each method is a function of one vector of them, in torch's order.
    """

    widths: tuple[int, ...]
    activations: tuple[Activation, ...]
    cost: Cost = SummedSquares()

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ConfigError(
                f"Layered.widths is {self.widths}; expected two numbers or more, each at least 1"
            )
        if len(self.activations) != len(self.widths) - 1:
            raise ConfigError(
                f"{len(self.widths) - 1} layers after the input need as many activations; "
                f"got {len(self.activations)}"
            )

    @cached_property
    def _parts(self) -> tuple[tuple[slice, slice, tuple[int, int]], ...]:
        """Where each layer's weights and biases lie in the vector, and its shape."""
        parts, start = [], 0
        for inputs, outputs in pairwise(self.widths):
            middle = start + outputs * inputs
            parts.append((slice(start, middle), slice(middle, middle + outputs), (outputs, inputs)))
            start = middle + outputs
        return tuple(parts)

    @property
    def size(self) -> int:
        """The number of parameters."""
        return self._parts[-1][1].stop

    def start(self, generator: np.random.Generator, kind: Literal["unit", "scaled"]) -> Vector:
        """Initial parameters: all from N(0, 1), or weights from N(0, 1/inputs) and biases 0."""
        vector = generator.standard_normal(self.size)
        if kind == "scaled":
            for weight, bias in zip(*self.split(vector), strict=True):
                weight /= np.sqrt(weight.shape[1])
                bias[:] = 0
        return vector

    def split(self, vector: Vector) -> tuple[list[Matrix], list[Bias]]:
        """The weights and biases of every layer, as views of `vector`: changing one changes it."""
        weights = [vector[weight].reshape(shape) for weight, _, shape in self._parts]
        return weights, [vector[bias] for _, bias, _ in self._parts]

    def place(self, index: int) -> Place:
        """Which parameter stands at `index` of the vector."""
        for layer, (weight, bias, (_, inputs)) in enumerate(self._parts, 1):
            if index < weight.stop:
                return Place("w", layer, *divmod(index - weight.start, inputs))
            if index < bias.stop:
                return Place("b", layer, index - bias.start, None)
        raise ConfigError(f"no parameter {index}; the network has {self.size}, counted from 0")

    def trace(self, vector: Vector, x: Rows) -> Trace:
        """The forward pass."""
        return forward(*self.split(vector), self.activations, x)

    def costs(self, vector: Vector, x: Rows, y: Rows) -> Costs:
        """C₀ of each example."""
        return self.cost.value(self.trace(vector, x).a[-1], y)

    def mean_cost(
        self, vector: Vector, x: Inexact[np.ndarray, "b i"], y: Inexact[np.ndarray, "b o"]
    ) -> float | complex:
        """C, the mean of the C₀; complex where the parameters are."""
        return np.mean(self.costs(vector, x, y)).item()

    def deltas(
        self, vector: Vector, x: Rows, y: Rows, back: Back = sum_over_paths
    ) -> tuple[list[Rows], list[Rows]]:
        """δ⁽¹⁾ … δ⁽ᴸ⁾ of each example, and beside them the a⁽⁰⁾ … a⁽ᴸ⁻¹⁾ their weights saw."""
        weights, biases = self.split(vector)
        trace = forward(weights, biases, self.activations, x)
        slope = self.cost.slope(trace.a[-1], y)
        return deltas(weights, self.activations, trace, slope, back), trace.a[:-1]

    def gradient(
        self,
        vector: Vector,
        x: Inexact[np.ndarray, "b i"],
        y: Inexact[np.ndarray, "b o"],
        back: Back = sum_over_paths,
    ) -> Vector:
        """∂C/∂ every parameter, C the mean cost of the batch."""
        found = np.empty_like(vector)
        for delta, a, weight, bias in zip(
            *self.deltas(vector, x, y, back), *self.split(found), strict=True
        ):
            np.matmul(delta.T, a, out=weight)  # (3) Δᵀ A
            delta.sum(0, out=bias)  # (4)
        found /= len(x)
        return found

    def gradient_reference(
        self, vector: Vector, x: Inexact[np.ndarray, " i"], y: Inexact[np.ndarray, " o"]
    ) -> Vector:
        """∂C₀/∂ every parameter of one example, as the equations stand. Judges `gradient`."""
        weights, biases = self.split(vector)
        z, a = forward(weights, biases, self.activations, x)
        slopes = [f.slope(*at) for f, *at in zip(self.activations, z, a[1:], strict=True)]
        delta = self.cost.slope(a[-1], y) * slopes[-1]  # (1)
        found = []
        for layer in range(len(weights), 0, -1):
            found += [delta, np.outer(delta, a[layer - 1]).ravel()]  # (4), (3)
            if layer > 1:
                delta = (weights[layer - 1].T @ delta) * slopes[layer - 2]  # (2)
        return np.concatenate(found[::-1])
