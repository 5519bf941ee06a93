"""A pointer network: reads a row of numbers, then points at one after the other.

    h_i = W tanh(w x_i + b)                            every number by itself
    s_t = gated unit(h of the place picked last, s_{t−1});  at first, a vector that is learned
    p(c_t = i) = softmax_i(v_aᵀ tanh(W_a s_t + U_a h_i))        (Vinyals et al. 2015, eq. 3)

The paper reads its input by a recurrent encoder. Here the order of the numbers means nothing, so
none is told: numbers in another order are pointed at in that order.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.gated_unit import GatedUnit
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.pointer import Pointer, picked
from practicum.nn.scores import Additive


@dataclass(frozen=True, kw_only=True)
class PointerNetwork:
    """Vectors and states of `width` numbers; the pointer's own `hidden` tanh units."""

    width: int = 32
    pointer: Pointer = Pointer(score=Additive(hidden=32))

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"PointerNetwork.width is {self.width}; expected at least 1")

    @property
    def initial(self) -> tuple[Rule, ...]:
        """Numbers keep their scale on the way up; states start small."""
        return (
            Rule(names="spread.*", start=Normal(std=1.0)),
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="*", start=Normal(std=self.width**-0.5)),
        )

    def build(self) -> "PointerNetworkModel":
        return PointerNetworkModel(self)


class PointerNetworkModel(nn.Module):
    """The network a `PointerNetwork` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: PointerNetwork) -> None:
        super().__init__()
        self.description = description
        width = description.width
        self.spread = LinearLayer(1, {"spread": width}, bias=True)
        self.number = LinearLayer(width, {"number": width}, bias=True)
        self.first = nn.Parameter(torch.empty(width))
        self.unit = GatedUnit(width=width).build(width)
        self.pointer = description.pointer.build(width, width)

    def read(self, numbers: Float[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """h, a vector for every number."""
        return self.number(torch.tanh(self.spread(numbers[..., None])))

    def forward(
        self,
        numbers: Float[Tensor, "b s"],
        real: Bool[Tensor, "b s"],
        places: Int[Tensor, "b t"],
    ) -> Float[Tensor, "b t s"]:
        """log p of every place at every step, the right places before it being shown."""
        memory = self.read(numbers)
        shown = picked(memory, places[:, :-1])
        first = self.first.expand(memory.shape[0], 1, -1)
        states = self.unit(self.unit.project(torch.cat([first, shown], dim=1)))
        return self.pointer(states, memory, real[:, None])

    @torch.no_grad()
    def point(
        self, numbers: Float[Tensor, "b s"], real: Bool[Tensor, "b s"], steps: int
    ) -> Int[Tensor, "b t"]:
        """The likeliest place at each of so many steps, each pick read by the next."""
        memory = self.read(numbers)
        kept, vector = self.pointer.remember(memory), self.first.expand(memory.shape[0], -1)
        state, places = vector.new_zeros(vector.shape), []
        for _ in range(steps):
            state = self.unit.step(self.unit.project(vector), state)
            log_p = self.pointer.step(state[:, None], kept, real[:, None])
            place = log_p.argmax(-1)
            vector = picked(memory, place)[:, 0]
            places.append(place)
        return torch.cat(places, dim=1)
