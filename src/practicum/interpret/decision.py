"""Which inputs and which hidden units carried a decision of a dense network.

The margin is how far the chosen output lies above the next one, in z, before any squashing. The
effect of a unit is the margin it holds up: m(as it is) − m(with the unit as it usually is, its mean
over other examples, and everything after it computed again). Units of the last hidden layer add up
exactly; of earlier ones the effects may overlap, so that they need not sum to the margin.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from practicum.interpret.dense import linear_layer, replaced, trace


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided on one example, and what carried it."""

    chosen: int
    rival: int | None  # the next output; None of a network with one output
    margin: float  # z_chosen − z_rival, or the one z
    effects: tuple[Float[Tensor, " _"], ...]  # of the inputs, then of each hidden layer's units

    def carriers(self, layer: int, count: int) -> list[tuple[int, float]]:
        """The `count` units of `layer` (0: the inputs) with the largest effects, signs kept."""
        effects = self.effects[layer]
        order = effects.abs().argsort(descending=True, stable=True)[:count]
        return [(unit, float(effects[unit])) for unit in order.tolist()]


def decision(model: nn.Module, x: Float[Tensor, " i"], usual: Float[Tensor, "b i"]) -> Decision:
    """The decision on `x`; `usual` are examples whose mean activations stand in for a unit's own.

    Raises ModelError where the network is no chain of linear layers.
    """
    layers, typical = trace(model, x[None]), trace(model, usual)
    order = layers[-1].z[0].argsort(descending=True, stable=True).tolist()
    chosen, rival = order[0], order[1] if len(order) > 1 else None
    margin = _margin(layers[-1].z, chosen, rival)
    effects = []
    for number, (layer, other) in enumerate(zip(layers, typical, strict=True), 1):
        own, mean = layer.before[0], other.before.mean(0)
        patched = own.repeat(len(own), 1)
        patched.diagonal().copy_(mean)  # row k: everything as it is, but unit k
        z = _last_z(model, number, x, patched)
        effects.append(margin - _margin(z, chosen, rival))
    return Decision(chosen, rival, float(margin), tuple(effects))


def _last_z(
    model: nn.Module, layer: int, x: Float[Tensor, " i"], patched: Float[Tensor, "n k"]
) -> Float[Tensor, "n o"]:
    """The z of the last layer where `layer` reads the rows of `patched`."""
    with replaced(linear_layer(model, layer), lambda _: patched):
        return trace(model, x.expand(len(patched), -1))[-1].z


def _margin(z: Float[Tensor, "n o"], chosen: int, rival: int | None) -> Float[Tensor, " n"]:
    return z[:, chosen] - (0 if rival is None else z[:, rival])
