"""A mixture of experts in the place of a feed-forward: of `count` networks, `top` read each token.

y = Σ_i softmax(Top(W_r x))_i · f_i(x), f_i(x) = W_down,i (φ(W_gate,i x) ⊙ W_up,i x) (Jiang et al.
2024, §2.1). Stored are the parameters of all experts, a token costs those of `top`. Without a
`capacity` every token is read by all it chose, whatever the load. The router's output, the scores
of all experts, can be heard and replaced by a forward hook on `ExpertsLayer.router`
(`nn.routers`); the layer keeps nothing between calls.
"""

from dataclasses import dataclass
from math import ceil

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.activations import Activation, activate
from practicum.kernels.dispatch import by_expert, combine, dispatch
from practicum.kernels.gated import gated, gated_reference
from practicum.kernels.grouped_feed_forward import grouped_feed_forward
from practicum.kernels.routing import Routing, route
from practicum.nn.grouped_linear import GroupedLinearLayer
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class Experts:
    """`count` feed-forwards of `hidden` units, without biases."""

    count: int = 8
    top: int = 2
    hidden: int
    activation: Activation = "silu"
    gated: bool = True
    renormalise: bool = True  # the weights of the chosen sum to 1
    capacity: float | None = None  # most pairs an expert takes, as a multiple of an even share
    jitter: float = 0.0  # the router's input times U(1 − jitter, 1 + jitter), while training

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ConfigError(f"Experts.hidden is {self.hidden}; expected at least 1")
        if not 1 <= self.top <= self.count:
            raise ConfigError(
                f"{self.top} of {self.count} experts cannot be chosen; expected 1 ≤ top ≤ count"
            )
        if self.capacity is not None and self.capacity <= 0:
            raise ConfigError(f"Experts.capacity is {self.capacity}; expected above 0, or None")
        if not 0.0 <= self.jitter < 1.0:
            raise ConfigError(f"Experts.jitter is {self.jitter}; expected 0 ≤ jitter < 1")

    def build(self, width: int) -> "ExpertsLayer":
        return ExpertsLayer(width, self)

    def room(self, tokens: int) -> int | None:
        """How many (token, choice) pairs an expert takes of `tokens` tokens; None: all of them."""
        if self.capacity is None:
            return None
        return ceil(self.capacity * tokens * self.top / self.count)


class ExpertsLayer(nn.Module):
    """The router, and the experts' matrices stacked by expert."""

    def __init__(self, width: int, description: Experts) -> None:
        super().__init__()
        self.description = description
        count, hidden = description.count, description.hidden
        self.router = LinearLayer(width, {"expert": count}, bias=False)
        parts = {"gate": hidden, "up": hidden} if description.gated else {"up": hidden}
        self.up = GroupedLinearLayer(count, width, parts)
        self.down = GroupedLinearLayer(count, hidden, {"down": width})

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        tokens = x.reshape(-1, x.shape[-1])
        routing = self.route(tokens)
        room = self.description.room(tokens.shape[0])
        segments = by_expert(routing.experts, self.description.count, room)
        read = self.read(dispatch(tokens, segments), segments.counts)
        return combine(read, routing.weights, segments).to(x.dtype).view(x.shape)

    def route(self, x: Float[Tensor, "n d"]) -> Routing:
        """Which experts read each token; scored in the router's own precision, never in autocast's.

        A rounded score may choose another expert, which no later step can make good.
        """
        jitter = self.description.jitter
        if self.training and jitter:
            # drawn as dropout is, from the state that the loop of training sets
            x = x * torch.empty_like(x).uniform_(1 - jitter, 1 + jitter, generator=None)
        with torch.autocast(x.device.type, enabled=False):
            scores = self.router(x.to(self.router.weight.dtype))
        return route(scores, self.description.top, renormalise=self.description.renormalise)

    def read(self, rows: Float[Tensor, "n d"], counts: Int[Tensor, " e"]) -> Float[Tensor, "n d"]:
        """What the experts make of rows sorted by expert, `counts` of each."""
        if self.description.gated and self.description.activation == "silu":
            return grouped_feed_forward(rows, self.up.weight, self.down.weight, counts)
        hidden, name = self.up(rows, counts), self.description.activation
        units = gated(hidden, name) if self.description.gated else activate(hidden, name)
        return self.down(units, counts)


def dense_mixture(layer: ExpertsLayer, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """The equation as written: all experts read every token, weighted by 0 where not chosen.

    Judges `ExpertsLayer` (without capacity), at count/top times its arithmetic.
    """
    tokens, name = x.reshape(-1, x.shape[-1]), layer.description.activation
    routing = layer.route(tokens)
    mixed = torch.zeros_like(tokens)
    for expert in range(layer.description.count):
        hidden = F.linear(tokens, layer.up.weight[expert])
        if layer.description.gated:
            units = gated_reference(hidden, name)
        else:
            units = activate(hidden, name)
        weight = (routing.weights * (routing.experts == expert)).sum(-1, keepdim=True)
        mixed = mixed + weight * F.linear(units, layer.down.weight[expert])
    return mixed.view(x.shape)
