"""The network of `neurons` with a matrix for each layer and a row for each example."""

import numpy as np
from jaxtyping import Float

from practicum.autograd.arrays import Array
from practicum.autograd.backing import Data, as_data, library
from practicum.autograd.neurons import MLP


class ArrayMLP:
    """The network that an `MLP` describes; its first weights are those a `ValueMLP` draws.

    `like`, an array or tensor, says of which library and dtype they are; NumPy's float64 if None.
    """

    def __init__(
        self, description: MLP, *, generator: np.random.Generator, like: Data | None = None
    ) -> None:
        drawn = description.draw(generator=generator)
        self.weights = [Array(as_data(weights, like), label="W") for weights, _ in drawn]
        self.biases = [Array(as_data(biases, like), label="b") for _, biases in drawn]
        self.activations = description.activations

    def __call__(self, x: Float[Array, "b i"]) -> Float[Array, "b o"]:
        for weights, biases, activation in zip(
            self.weights, self.biases, self.activations, strict=True
        ):
            x = x @ weights + biases
            if activation != "identity":
                x = x.relu() if activation == "relu" else x.tanh()
        return x

    def parameters(self) -> list[Array]:
        """All weights and biases, layer by layer."""
        pairs = zip(self.weights, self.biases, strict=True)
        return [parameter for pair in pairs for parameter in pair]

    def zero_grad(self) -> None:
        """Forget the gradients, which otherwise add up over backward passes."""
        for parameter in self.parameters():
            parameter.grad = library(parameter.data).zeros_like(parameter.data)

    def descend(self, rate: float) -> None:
        """One step down the gradient: p ← p − rate · ∂L/∂p."""
        for parameter in self.parameters():
            parameter.data = parameter.data - rate * parameter.grad
