"""What becomes of a vector once it was read: gated by the state, or mixed with it.

    ContextGate    ĉ_t = β_t c_t,  β_t = σ(f_β(s_t))           Xu et al. 2015, §4.2.1
    Attentional    h̃_t = tanh(W_c [c_t; s_t])                  Luong et al. 2015, eq. 5

The gate, one number for each query, lets a state say that it needs to see nothing now. With input
feeding (Luong, §3.3) h̃_t is also part of the decoder's next input: that is the decoder's business.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class ContextGate:
    """A share of what was read, from the state alone."""

    def build(self, query: int, context: int) -> "ContextGateLayer":
        """The layer for states and read vectors of these widths."""
        return ContextGateLayer(query)


@dataclass(frozen=True, kw_only=True)
class Attentional:
    """`width` tanh units that see the state and what it read."""

    width: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"Attentional.width is {self.width}; expected at least 1")

    def build(self, query: int, context: int) -> "AttentionalLayer":
        """The layer for states and read vectors of these widths."""
        return AttentionalLayer(query, context, self)


ReadUse = ContextGate | Attentional


class ContextGateLayer(nn.Module):
    """f_β is `gate`."""

    def __init__(self, query: int) -> None:
        super().__init__()
        self.gate = LinearLayer(query, {"gate": 1}, bias=True)

    def forward(
        self, states: Float[Tensor, "b t q"], read: Float[Tensor, "b t c"]
    ) -> Float[Tensor, "b t c"]:
        return torch.sigmoid(self.gate(states)) * read


class AttentionalLayer(nn.Module):
    """W_c is `mix.weight`, its first columns those of c, as published without a bias."""

    def __init__(self, query: int, context: int, description: Attentional) -> None:
        super().__init__()
        self.mix = LinearLayer(context + query, {"mix": description.width}, bias=False)

    def forward(
        self, states: Float[Tensor, "b t q"], read: Float[Tensor, "b t c"]
    ) -> Float[Tensor, "b t a"]:
        return torch.tanh(self.mix(torch.cat([read, states], dim=-1)))
