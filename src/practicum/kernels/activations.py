"""The nonlinearities of feed-forwards, by their names in the field.

gelu(x) = x·Φ(x); gelu_tanh(x) = x/2·(1 + tanh(√(2/π)(x + 0.044715 x³))) (Hendrycks & Gimpel
2016, §2); silu(x) = x·σ(x); relu(x) = max(0, x); sigmoid σ(x) = 1/(1 + e⁻ˣ); identity is x.
"""

from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["gelu", "gelu_tanh", "silu", "relu", "tanh", "sigmoid", "identity"]


def activate(x: Float[Tensor, "*b f"], name: Activation) -> Float[Tensor, "*b f"]:
    """The nonlinearity `name` of every element."""
    match name:
        case "gelu":
            return F.gelu(x)
        case "gelu_tanh":
            return F.gelu(x, approximate="tanh")
        case "silu":
            return F.silu(x)
        case "relu":
            return torch.relu(x)
        case "tanh":
            return torch.tanh(x)
        case "sigmoid":
            return torch.sigmoid(x)
        case "identity":
            return x
        case _:
            assert_never(name)
