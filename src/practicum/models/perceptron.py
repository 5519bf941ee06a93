"""The multilayer perceptron: layers of neurons, each joined to every one of the layer before.

aˡ = f(Wˡ aˡ⁻¹ + bˡ), with a⁰ the input. Row j of Wˡ holds the weights into neuron j, so W_jk joins
neuron k of the layer before to neuron j (the convention of the 3Blue1Brown series and of Nielsen's
book). The digit networks of both are in `families.perceptron`.
"""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.activations import Activation, activate
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.linear import LinearLayer

Start = Literal["unit", "scaled", "he"]


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """A network of `widths` neurons, the input first: (784, 16, 16, 10).

    `start` "unit" draws weights and biases from N(0, 1); "scaled" and "he" draw weights from
    N(0, 1/n) and N(0, 2/n), n the neurons of the layer before, and start biases at 0.
    """

    widths: tuple[int, ...]
    activation: Activation = "sigmoid"  # of the hidden layers
    output: Activation = "sigmoid"  # identity: the outputs are scores (logits)
    start: Start = "scaled"

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ConfigError(
                f"Perceptron.widths is {self.widths}; expected two numbers or more, each at least 1"
            )

    @property
    def initial(self) -> tuple[Rule, ...]:
        """How each layer starts."""
        if self.start == "unit":
            return (Rule(names="*", start=Normal(std=1.0)),)
        gain = 2.0 if self.start == "he" else 1.0
        return (
            Rule(names="*.bias", start=Constant(value=0.0)),
            *(
                Rule(names=f"layers.{index}.weight", start=Normal(std=(gain / inputs) ** 0.5))
                for index, inputs in enumerate(self.widths[:-1])
            ),
        )

    @property
    def activations(self) -> tuple[Activation, ...]:
        """That of each layer after the input."""
        return (*(self.activation for _ in self.widths[2:]), self.output)

    def build(self) -> "PerceptronModel":
        return PerceptronModel(self)


@dataclass(frozen=True)
class Activations:
    """What one layer made of its inputs: `z` = W a + b before, `a` = f(z) after its activation."""

    z: Float[Tensor, "b o"]
    a: Float[Tensor, "b o"]


class PerceptronModel(nn.Module):
    """The network a `Perceptron` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: Perceptron) -> None:
        super().__init__()
        self.description = description
        joints = zip(description.widths, description.widths[1:], strict=False)
        self.layers = nn.ModuleList(
            LinearLayer(inputs, {"neuron": outputs}, bias=True) for inputs, outputs in joints
        )
        self.activations = description.activations

    def forward(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b o"]:
        """The activations of the last layer."""
        for layer, name in zip(self.layers, self.activations, strict=True):
            x = activate(layer(x), name)
        return x

    def hidden(self, x: Float[Tensor, "b i"]) -> Float[Tensor, "b f"]:
        """The activations of the last layer but one: what the network has made of its input."""
        for layer, name in zip(self.layers[:-1], self.activations, strict=False):
            x = activate(layer(x), name)
        return x

    def trace(self, x: Float[Tensor, "b i"]) -> list[Activations]:
        """Every layer's z and a, the first hidden layer first."""
        found: list[Activations] = []
        for layer, name in zip(self.layers, self.activations, strict=True):
            z = layer(x)
            x = activate(z, name)
            found.append(Activations(z, x))
        return found
