"""The max-margin loss of a network with one output, in both engines.

    L = 1/n Σᵢ max(0, 1 − yᵢ s(xᵢ)) + α Σ_p p²

with labels y of −1 and 1, and every weight and bias p counted once, not once per example.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from practicum.autograd.array_neurons import ArrayMLP
from practicum.autograd.arrays import Array, no_grad
from practicum.autograd.neurons import ValueMLP
from practicum.autograd.scalar import Value


def margin_of_values(
    network: ValueMLP, x: Sequence[Sequence[float]], y: Sequence[float], *, decay: float
) -> Value:
    """The loss, example by example; `decay` is α."""
    total, squares = Value(0.0), Value(0.0)
    for row, label in zip(x, y, strict=True):
        (score,) = network(row)
        total = total + (1 - label * score).relu()
    for parameter in network.parameters():
        squares = squares + parameter * parameter
    return total * (1 / len(y)) + squares * decay


def margin_of_arrays(
    network: ArrayMLP, x: Float[Array, "b i"], y: Float[np.ndarray, " b"], *, decay: float
) -> Float[Array, ""]:
    """The loss of all examples at once; `decay` is α."""
    hinges = (1 - y * network(x).reshape(-1)).relu()
    squares = [(parameter * parameter).sum() for parameter in network.parameters()]
    return hinges.mean() + sum(squares[1:], squares[0]) * decay


def learn_margin(
    network: ArrayMLP,
    x: Float[Array, "b i"],
    y: Float[np.ndarray, " b"],
    *,
    rates: Iterable[float],
    decay: float,
    zero_grad: bool = True,
) -> list[float]:
    """The loss before each step of full-batch descent, one per rate, and after the last.

    Without `zero_grad` a step goes down the sum of all gradients so far. A loss that is not finite
    ends the training, and the list.
    """
    losses: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for rate in rates:
            loss = margin_of_arrays(network, x, y, decay=decay)
            losses.append(loss.data.item())
            if not math.isfinite(losses[-1]):
                return losses
            if zero_grad:
                network.zero_grad()
            loss.backward()
            network.descend(rate)
        with no_grad():
            return [*losses, margin_of_arrays(network, x, y, decay=decay).data.item()]
