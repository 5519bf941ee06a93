"""Which knobs matter: |∂C/∂θ| of every parameter, ranked (3Blue1Brown 2017, chapter 2).

The size of a component of the gradient says how much the cost C feels that parameter, its sign
which way to turn: of a gradient (3, 1) the first variable matters three times as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.data.loader import in_order
from practicum.nn.modes import resting
from practicum.objectives.objective import Objective
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class Knob:
    """One parameter: `name` of its tensor, its `place` there, its value, and ∂C/∂θ."""

    name: str
    place: tuple[int, ...]
    value: float
    slope: float

    def times(self, other: "Knob") -> float:
        """How many times as much the cost feels this one."""
        return abs(self.slope / other.slope)


@dataclass(frozen=True, eq=False)
class Importance:
    """The gradient of a mean cost, tensor by tensor, beside the values it was taken at."""

    slopes: dict[str, Tensor]
    values: dict[str, Tensor]

    def ranked(self, count: int) -> list[Knob]:
        """The `count` parameters that the cost feels most, the steepest first."""
        flat = self._sizes()
        order = flat.argsort(descending=True, stable=True)[:count].tolist()
        return [self._knob(place) for place in order]

    def share(self, part: float) -> float:
        """What the steepest `part` (0 … 1) of all parameters has of Σ|∂C/∂θ|."""
        sizes = self._sizes().sort(descending=True).values
        return float(sizes[: round(part * len(sizes))].sum() / sizes.sum())

    def _sizes(self) -> Float[Tensor, " p"]:
        return torch.cat([slope.abs().reshape(-1) for slope in self.slopes.values()])

    def _knob(self, index: int) -> Knob:
        for name, slope in self.slopes.items():
            if index < slope.numel():
                place = tuple(int(i) for i in torch.unravel_index(torch.tensor(index), slope.shape))
                return Knob(
                    name=name,
                    place=place,
                    value=float(self.values[name][place]),
                    slope=float(slope[place]),
                )
            index -= slope.numel()
        raise AssertionError(f"no parameter {index} beyond the last")


def importance(
    model: nn.Module, objective: Objective[Any], examples: Sequence[Any], *, batch: int, seed: int
) -> Importance:
    """The gradient of the mean cost of all `examples`, read `batch` at a time.

    Any network and any objective; what the objective draws depends on `seed`. The model's own
    gradients stay as they are, and a parameter that the cost does not reach has slope 0.
    """
    named = dict(model.named_parameters())
    device = next(iter(named.values())).device
    slopes = {name: torch.zeros_like(p) for name, p in named.items()}
    count = 0
    with resting(model):
        for number, some in enumerate(in_order(examples, batch)):
            prepared = objective.prepare(some, stream(seed, "importance", number)).to(device)
            loss = objective.loss(model, prepared)
            found = torch.autograd.grad(loss.total, list(named.values()), allow_unused=True)
            for total, slope in zip(slopes.values(), found, strict=True):
                if slope is not None:
                    total += slope
            count += loss.count
    for total in slopes.values():
        total /= max(1, count)
    return Importance(slopes, {name: p.detach().clone() for name, p in named.items()})
