"""Neurons of scalars, layers of neurons, layers in a row: out = f(Σᵢ wᵢ xᵢ + b), number by number.

`MLP` describes a network and draws its first weights; `ValueMLP` is the network of `Value`s, and
`array_neurons.ArrayMLP` the same network with a matrix for each layer. Weights are U(−1, 1) at any
width: nothing here is scaled to the number of inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from practicum.autograd.scalar import Value
from practicum.errors import ConfigError

Activation = Literal["relu", "tanh", "identity"]
Drawn = list[tuple[Float[np.ndarray, "i o"], Float[np.ndarray, " o"]]]


@dataclass(frozen=True, kw_only=True)
class MLP:
    """A multi-layer perceptron: numbers in, widths of the layers, and what each neuron applies."""

    inputs: int
    widths: tuple[int, ...]
    hidden: Activation = "relu"
    last: Activation = "identity"
    bias: Literal["zero", "uniform"] = "zero"  # the library's; the lecture draws U(−1, 1)

    def __post_init__(self) -> None:
        if not self.widths or min(self.inputs, *self.widths) < 1:
            raise ConfigError(
                f"an MLP needs an input and a neuron in each of one layer or more; "
                f"got {self.inputs} inputs and widths {self.widths}"
            )

    @property
    def parameters(self) -> int:
        """How many weights and biases there are."""
        pairs = zip((self.inputs, *self.widths), self.widths, strict=False)
        return sum((inputs + 1) * outputs for inputs, outputs in pairs)

    @property
    def activations(self) -> tuple[Activation, ...]:
        """What each layer applies."""
        return (self.hidden,) * (len(self.widths) - 1) + (self.last,)

    def draw(self, *, generator: np.random.Generator) -> Drawn:
        """First weights (inputs, outputs) and biases of every layer, in float64."""
        drawn, inputs = [], self.inputs
        for outputs in self.widths:
            weights = generator.uniform(-1, 1, (inputs, outputs))
            uniform = self.bias == "uniform"
            biases = generator.uniform(-1, 1, outputs) if uniform else np.zeros(outputs)
            drawn.append((weights, biases))
            inputs = outputs
        return drawn


class Neuron:
    """f(Σᵢ wᵢ xᵢ + b) of as many inputs as there are weights."""

    def __init__(self, weights: Sequence[float], bias: float, activation: Activation) -> None:
        self.weights = [Value(weight, label=f"w{i}") for i, weight in enumerate(weights, 1)]
        self.bias = Value(bias, label="b")
        self.activation: Activation = activation

    def __call__(self, x: Sequence[Value]) -> Value:
        total = self.bias
        for weight, number in zip(self.weights, x, strict=True):
            total = total + weight * number
        if self.activation == "identity":
            return total
        return total.relu() if self.activation == "relu" else total.tanh()

    def parameters(self) -> list[Value]:
        """Weights, then the bias."""
        return [*self.weights, self.bias]


class NeuronLayer:
    """Neurons that all see the same numbers."""

    def __init__(self, neurons: Sequence[Neuron]) -> None:
        self.neurons = list(neurons)

    def __call__(self, x: Sequence[Value]) -> list[Value]:
        return [neuron(x) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        """Those of the first neuron, then of the next."""
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]


class ValueMLP:
    """The network that an `MLP` describes, every number of it a `Value`."""

    def __init__(self, description: MLP, *, generator: np.random.Generator) -> None:
        self.layers = [
            NeuronLayer(
                [
                    Neuron(column, bias, activation)
                    for column, bias in zip(weights.T.tolist(), biases.tolist(), strict=True)
                ]
            )
            for (weights, biases), activation in zip(
                description.draw(generator=generator), description.activations, strict=True
            )
        ]

    def __call__(self, x: Sequence[Value | float]) -> list[Value]:
        """The numbers of the last layer."""
        inputs = len(self.layers[0].neurons[0].weights)
        if len(x) != inputs:
            raise ConfigError(f"this network takes {inputs} numbers; got {len(x)}")
        out = [number if isinstance(number, Value) else Value(number) for number in x]
        for layer in self.layers:
            out = layer(out)
        return out

    def parameters(self) -> list[Value]:
        """All weights and biases, layer by layer."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients, which otherwise add up over backward passes."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def descend(self, rate: float) -> None:
        """One step down the gradient: p ← p − rate · ∂L/∂p."""
        for parameter in self.parameters():
            parameter.data -= rate * parameter.grad
