"""What sending tokens to their experts alone saves, against all experts reading all tokens.

A token costs top/count of the arithmetic when only its experts read it; sorting the tokens there
and back costs something, too. Both ways are the same function (`nn.experts.dense_mixture` is the
equation as written), so their outputs and gradients may differ by rounding alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError
from practicum.nn.experts import Experts, ExpertsLayer, dense_mixture
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class DispatchCost:
    """Medians of the seconds of a forward and a backward pass, and the largest differences.

    A difference of gradients is a part of the largest entry of its tensor.
    """

    sparse: float
    dense: float
    outputs: float
    gradients: float  # of the tokens and of every matrix


def dispatch_cost(
    experts: Experts, *, width: int, tokens: int, rounds: int = 5, seed: int
) -> DispatchCost:
    """A mixture with drawn weights reads `tokens` drawn tokens, both ways in turn.

    Raises ConfigError for experts with a capacity, which drop tokens, or with jitter.
    """
    if experts.capacity is not None or experts.jitter or rounds < 1:
        raise ConfigError(
            f"{experts} over {rounds} rounds cannot be compared; expected no capacity, no jitter "
            "and 1 round or more"
        )
    layer = experts.build(width)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(_drawn(seed, name, *parameter.shape) / parameter.shape[-1] ** 0.5)
    x, by = (_drawn(seed, name, tokens, width) for name in ("x", "by"))
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "sparse": layer,
        "dense": lambda rows: dense_mixture(layer, rows),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, list[Tensor]] = {}
    for turn in range(1 + rounds):  # the first of them to warm up
        for name, way in ways.items():
            start = time.perf_counter()
            found[name] = _read(layer, way, x, by)
            if turn:
                seconds[name].append(time.perf_counter() - start)
    gaps = [(s - d).abs().max() for s, d in zip(found["sparse"], found["dense"], strict=True)]
    largest = [d.abs().max() for d in found["dense"]]
    return DispatchCost(
        sparse=median(seconds["sparse"]),
        dense=median(seconds["dense"]),
        outputs=float(gaps[0]),
        gradients=max(float(g / m) for g, m in zip(gaps[1:], largest[1:], strict=True)),
    )


def _read(
    layer: ExpertsLayer,
    way: Callable[[Tensor], Tensor],
    x: Float[Tensor, "n d"],
    by: Float[Tensor, "n d"],
) -> list[Tensor]:
    """The output, and the gradients of Σ output · by for the tokens and each matrix."""
    x = x.clone().requires_grad_()
    layer.zero_grad(set_to_none=True)
    y = way(x)
    (y * by).sum().backward()
    grads = [tensor.grad for tensor in (x, *layer.parameters())]
    return [y.detach(), *(grad for grad in grads if grad is not None)]


def _drawn(seed: int, name: str, *shape: int) -> Tensor:
    return torch.randn(shape, generator=stream(seed, "expert dispatch", name))
