"""The gated recurrent unit, as the translators of 2014 had it and as cuDNN has it.

`GatedUnit` (Cho et al. 2014; Bahdanau et al. 2014, App. A.1), for input e, state s and, in a
decoder, context c:

    r = σ(W_r e + U_r s + C_r c)          what of the state the candidate may see
    z = σ(W_z e + U_z s + C_z c)          the share of the NEW state
    s̃ = tanh(W e + U (r ∘ s) + C c)       reset BEFORE the recurrent product
    s' = (1 − z) ∘ s + z ∘ s̃

`CudnnGatedUnit` (torch's nn.GRU) resets after the product, s̃ = tanh(W e + r ∘ (U s + b') + C c),
and its z is the share of the OLD state, s' = (1 − z) ∘ s̃ + z ∘ s. The weights of one are of no use
to the other. The equations are written without biases; `bias` adds them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class GatedUnit:
    """A state of `width` numbers; resets before the recurrent product."""

    width: int
    bias: bool = True

    def __post_init__(self) -> None:
        _check_width(self)

    def build(self, inputs: int, context: int = 0) -> "GatedUnitLayer":
        """Reads vectors of `inputs` numbers and, where not 0, contexts of `context` numbers."""
        return GatedUnitLayer(inputs, context, self)


@dataclass(frozen=True, kw_only=True)
class CudnnGatedUnit:
    """A state of `width` numbers; resets after the recurrent product, which has biases too."""

    width: int
    bias: bool = True

    def __post_init__(self) -> None:
        _check_width(self)

    def build(self, inputs: int, context: int = 0) -> "GatedUnitLayer":
        """As `GatedUnit.build`."""
        return GatedUnitLayer(inputs, context, self)


class GatedUnitLayer(nn.Module):
    """W, C and the three U, which are parameters of their own: each starts orthogonal by itself.

    Rows of W and C are in torch's order: reset, update, candidate. `project` does for a whole
    sequence what does not wait for the state; `step` does the rest, a token at a time.
    """

    def __init__(self, inputs: int, context: int, description: GatedUnit | CudnnGatedUnit) -> None:
        super().__init__()
        self.description = description
        width, bias = description.width, description.bias
        parts = {"reset": width, "update": width, "candidate": width}
        inner = bias and isinstance(description, CudnnGatedUnit)
        self.input = LinearLayer(inputs, parts, bias=bias)
        self.context = LinearLayer(context, parts, bias=False) if context else None
        self.reset = LinearLayer(width, {"reset": width}, bias=inner)
        self.update = LinearLayer(width, {"update": width}, bias=inner)
        self.candidate = LinearLayer(width, {"candidate": width}, bias=inner)

    def project(
        self, x: Float[Tensor, "*b inputs"], context: Float[Tensor, "*#b c"] | None = None
    ) -> Float[Tensor, "*b three_n"]:
        """W e + C c for all three parts, every place at once.

        A context that stays the same over a sequence has one place in time. One that depends on
        the state is left to `step`.
        """
        projected = self.input(x)
        return projected if context is None else projected + self._read_context(context)

    def step(
        self,
        projected: Float[Tensor, "b three_n"],
        state: Float[Tensor, "b n"],
        context: Float[Tensor, "b c"] | None = None,
    ) -> Float[Tensor, "b n"]:
        """The next state, from a place of `project` and a context not yet in it."""
        if context is not None:
            projected = projected + self._read_context(context)
        reset, update, candidate = projected.chunk(3, dim=-1)
        reset = torch.sigmoid(reset + self.reset(state))
        update = torch.sigmoid(update + self.update(state))
        match self.description:
            case GatedUnit():
                new = torch.tanh(candidate + self.candidate(reset * state))
                return torch.lerp(state, new, update)
            case CudnnGatedUnit():
                new = torch.tanh(candidate + reset * self.candidate(state))
                return torch.lerp(new, state, update)

    def forward(
        self,
        projected: Float[Tensor, "b t three_n"],
        state: Float[Tensor, "b n"] | None = None,
        *,
        real: Bool[Tensor, "b t"] | None = None,
        backwards: bool = False,
    ) -> Float[Tensor, "b t n"]:
        """The states after every place; from zero where no state is given.

        Where `real` is false the state stays as it is, so rows may be padded on either side. Read
        backwards, place t holds the state after the last, …, t-th token: its reading starts at the
        row's last real token, whatever padding follows.
        """
        if state is None:
            state = projected.new_zeros(projected.shape[0], self.description.width)
        places = range(projected.shape[1])
        inputs = projected.unbind(1)
        kept = None if real is None else real[:, :, None].unbind(1)
        states = []
        for t in reversed(places) if backwards else places:
            new = self.step(inputs[t], state)
            state = new if kept is None else torch.where(kept[t], new, state)
            states.append(state)
        return torch.stack(states[::-1] if backwards else states, dim=1)

    def _read_context(self, context: Float[Tensor, "*b c"]) -> Float[Tensor, "*b three_n"]:
        assert self.context is not None, "a unit built without a context was given one"
        return self.context(context)


def _check_width(unit: GatedUnit | CudnnGatedUnit) -> None:
    if unit.width < 1:
        raise ConfigError(f"{type(unit).__name__}.width is {unit.width}; expected at least 1")
