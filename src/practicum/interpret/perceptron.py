"""Every number of a dense network: weights as pictures, knobs to turn, sums to read.

For one neuron j of layer l:  a_j = f(z_j),  z_j = Σ_k w_jk a_k + b_j  (3Blue1Brown 2017,
chapter 1). Layers are counted from 1, since layer 0 is the input; neurons from 0, as arrays are.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import nn

from practicum.errors import ModelError
from practicum.interpret.dense import Dense, linear_layer, linear_layers

Array = Float32[np.ndarray, "..."] | Float64[np.ndarray, "..."]


def weight_images(model: nn.Module, layer: int = 1) -> Float[np.ndarray, "o side side"]:
    """The weights into each neuron of `layer` as a signed picture, placed as its inputs are.

    Raises ModelError where a neuron's weights fill no square.
    """
    weights = linear_layer(model, layer).weight.detach().cpu().numpy()
    side = math.isqrt(weights.shape[1])
    if side * side != weights.shape[1]:
        raise ModelError(
            f"layer {layer} reads {weights.shape[1]} values, which fill no square picture; "
            "choose a layer that reads 64 or 784, say"
        )
    return weights.reshape(len(weights), side, side).copy()


def set_weights(
    model: nn.Module,
    neuron: int,
    picture: Array,
    *,
    bias: float | None = None,
    layer: int = 1,
) -> None:
    """Turn the knobs of one neuron: its weights become `picture`, and its bias `bias` if given."""
    linear = linear_layer(model, layer)
    neurons, inputs = linear.weight.shape
    if not 0 <= neuron < neurons:
        raise ModelError(f"no neuron {neuron}; layer {layer} has 0 … {neurons - 1}")
    if picture.size != inputs:
        raise ModelError(f"{picture.size} weights given; each neuron of layer {layer} has {inputs}")
    if bias is not None and linear.bias is None:
        raise ModelError(f"layer {layer} has no biases; leave `bias` out")
    with torch.no_grad():
        linear.weight[neuron] = torch.from_numpy(picture.reshape(-1)).to(linear.weight)
        if bias is not None and linear.bias is not None:
            linear.bias[neuron] = bias


@dataclass(frozen=True)
class Term:
    """What one neuron of the layer before adds to a sum."""

    unit: int
    weight: float
    activation: float
    product: float


@dataclass(frozen=True, kw_only=True)
class Sum:
    """How one neuron came to its z = Σ terms + bias, and to its activation a = f(z)."""

    terms: tuple[Term, ...]  # in the order of the layer before
    bias: float
    z: float
    activation: float

    def largest(self, count: int) -> list[Term]:
        """The `count` terms that weigh most, whatever their sign, the heaviest first."""
        return sorted(self.terms, key=lambda term: -abs(term.product))[:count]


def explain(layer: Dense, neuron: int, example: int = 0) -> Sum:
    """The sum of one neuron on one example of a trace."""
    if not 0 <= neuron < len(layer.weight):
        raise ModelError(f"no neuron {neuron}; '{layer.name}' has 0 … {len(layer.weight) - 1}")
    weights, before = layer.weight[neuron], layer.before[example]
    columns = (weights.tolist(), before.tolist(), (weights * before).tolist())
    return Sum(
        terms=tuple(Term(unit, *row) for unit, row in enumerate(zip(*columns, strict=True))),
        bias=float(layer.bias[neuron]),
        z=float(layer.z[example, neuron]),
        activation=float(layer.after[example, neuron]),
    )


def sigmoid(z: float) -> float:
    """1/(1 + e⁻ᶻ), of one number."""
    return 1 / (1 + math.exp(-z))


def neuron_by_neuron(
    model: nn.Module,
    image: Array,
    squash: Callable[[float], float] = sigmoid,
) -> list[list[float]]:
    """The activations of every layer, one neuron after the other as the equation stands.

    In double precision and without arrays. Judges every faster way; `squash` is f, of all layers.
    """
    before: list[float] = image.reshape(-1).tolist()
    found: list[list[float]] = []
    for _, layer in linear_layers(model):
        rows = layer.weight.detach().double().tolist()
        biases = [0.0] * len(rows) if layer.bias is None else layer.bias.detach().double().tolist()
        now = []
        for row, bias in zip(rows, biases, strict=True):
            z = bias
            for weight, activation in zip(row, before, strict=True):
                z += weight * activation
            now.append(squash(z))
        found.append(now)
        before = now
    return found
