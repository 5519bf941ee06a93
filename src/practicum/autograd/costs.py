"""What a network's answer costs, and how the cost of one example changes with each output.

C₀ = Σ_j (a_j − y_j)²                  ∂C₀/∂a_j = 2(a_j − y_j)       no ½, no division by outputs
C₀ = −Σ_j y_j log p_j, p = softmax a   ∂C₀/∂a_j = p_j − y_j          for Σ_j y_j = 1
C₀ = a_j                               ∂C₀/∂a_i = 1 where i = j      to ask what moves one output

Softmax and cross-entropy are one cost here: their slopes multiply to p − y, which neither over- nor
underflows. It reads its a as logits, so the layer before it should be an identity layer. The cost
of several examples is the mean of theirs. All of them take complex a, as the complex step needs.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Inexact

Outputs = Inexact[np.ndarray, "*b o"]  # of one example, or a row for each of several
Costs = Inexact[np.ndarray, "*b"] | np.inexact


class Cost(Protocol):
    """The cost C₀ of each example."""

    def value(self, a: Outputs, y: Outputs) -> Costs:
        """C₀."""
        ...

    def slope(self, a: Outputs, y: Outputs) -> Outputs:
        """∂C₀/∂a."""
        ...

    def formula(self, a: str, y: str) -> str:
        """∂C₀/∂a_j in LaTeX, where `a` and `y` are a_j and y_j."""
        ...


@dataclass(frozen=True)
class SummedSquares:
    """Σ_j (a_j − y_j)²."""

    def value(self, a: Outputs, y: Outputs) -> Costs:
        """C₀."""
        return ((a - y) ** 2).sum(-1)

    def slope(self, a: Outputs, y: Outputs) -> Outputs:
        """2(a − y)."""
        return 2 * (a - y)

    def formula(self, a: str, y: str) -> str:
        return f"2({a} - {y})"


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """−Σ_j y_j log p_j with p = softmax a, in nats; y is a distribution, such as a one-hot row."""

    def value(self, a: Outputs, y: Outputs) -> Costs:
        """C₀ = log Σ_j exp a_j − Σ_j y_j a_j."""
        highest = np.real(a).max(-1, keepdims=True)
        return np.log(np.exp(a - highest).sum(-1)) + highest[..., 0] - (y * a).sum(-1)

    def slope(self, a: Outputs, y: Outputs) -> Outputs:
        """p − y."""
        return softmax(a) - y

    def formula(self, a: str, y: str) -> str:
        return rf"(\mathrm{{softmax}}({a}) - {y})"


@dataclass(frozen=True)
class Output:
    """The activation of one output neuron itself: its slopes say what would raise the answer."""

    neuron: int

    def value(self, a: Outputs, y: Outputs) -> Costs:
        """a_j."""
        return a[..., self.neuron]

    def slope(self, a: Outputs, y: Outputs) -> Outputs:
        """1 at the neuron, 0 elsewhere."""
        slope = np.zeros_like(a)
        slope[..., self.neuron] = 1
        return slope

    def formula(self, a: str, y: str) -> str:
        return rf"\partial a_{{{self.neuron}}} / \partial {a}"


def softmax(a: Outputs) -> Outputs:
    """exp a_j / Σ_i exp a_i along the last axis."""
    powers = np.exp(a - np.real(a).max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Rows of zeros with a one at the label, float64."""
    return np.eye(classes)[labels]
