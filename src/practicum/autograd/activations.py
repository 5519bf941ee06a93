"""The table of squashing functions and their slopes: a = f(z) and f′(z), element by element.

sigmoid   1/(1+e⁻ᶻ)   a(1−a)
tanh      tanh z      1−a²
ReLU      max(0, z)   1 where z > 0, else 0 (also at the kink z = 0)
identity  z           1

A slope is written with a = f(z) wherever that is shorter, since a forward pass keeps both. Every
function also takes complex z, so that Im f(z + ih)/h is its slope: branches look at the real part,
and nothing takes an absolute value. Softmax is not here, since it is not element by element:
together with cross-entropy it is a cost on the values of an identity layer (`costs`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Inexact

Array = Inexact[np.ndarray, "..."]
Name = Literal["sigmoid", "tanh", "relu", "identity"]
LARGEST = 88.0  # e⁸⁸ is still a float32


@dataclass(frozen=True)
class Activation:
    """A function of one number: `value(z)`, and `slope(z, a)` where a = value(z)."""

    name: Name
    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    symbol: str = "f"  # as formulas write it


def _sigmoid(z: Array) -> Array:
    return 1 / (
        1 + np.exp(np.minimum(-z, LARGEST))
    )  # of complex numbers the one of smaller real part


SIGMOID = Activation("sigmoid", _sigmoid, lambda z, a: a * (1 - a), r"\sigma")
TANH = Activation("tanh", np.tanh, lambda z, a: 1 - a * a, r"\tanh")
RELU = Activation(
    "relu",
    lambda z: z * (np.real(z) > 0),
    lambda z, a: (np.real(z) > 0).astype(z.dtype),
    r"\mathrm{ReLU}",
)
IDENTITY = Activation("identity", lambda z: z, lambda z, a: np.ones_like(z), r"\mathrm{id}")

ACTIVATIONS: dict[str, Activation] = {each.name: each for each in (SIGMOID, TANH, RELU, IDENTITY)}
