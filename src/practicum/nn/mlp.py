"""The position-wise feed-forward, plain or gated.

Plain: y = W_down φ(W_up x) (Vaswani et al. 2017, eq. 2). Gated: y = W_down (φ(W_gate x) ⊙ W_up x)
(Shazeer 2020, eq. 6; φ = SiLU is SwiGLU).
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.activations import Activation, activate
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class MLP:
    """`hidden` units between two matrices."""

    hidden: int
    activation: Activation = "gelu_tanh"
    gated: bool = False
    bias: bool = False
    dropout: float = 0.0  # on the hidden units, while training

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ConfigError(f"MLP.hidden is {self.hidden}; expected at least 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"MLP.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

    def build(self, width: int) -> "MLPLayer":
        return MLPLayer(width, self)


class MLPLayer(nn.Module):
    def __init__(self, width: int, description: MLP) -> None:
        super().__init__()
        self.activation: Activation = description.activation
        self.gated = description.gated
        self.dropout = description.dropout
        parts = {"up": description.hidden}
        if description.gated:
            parts = {"gate": description.hidden, **parts}
        self.up = LinearLayer(width, parts, bias=description.bias)
        self.down = LinearLayer(description.hidden, {"down": width}, bias=description.bias)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        hidden = self.up(x)
        if self.gated:
            gate, up = hidden.chunk(2, dim=-1)
            hidden = activate(gate, self.activation) * up
        else:
            hidden = activate(hidden, self.activation)
        if self.training and self.dropout:
            hidden = F.dropout(hidden, self.dropout)
        return self.down(hidden)
