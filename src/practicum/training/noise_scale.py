"""The largest batch worth its cost, measured on any model and objective (McCandlish et al. 2018).

Batches of b examples have gradients of squared length ‖g‖² + tr Σ/b on average, so that two sizes
of batch give both terms without bias (appendix A.1). With K batches of b, and all of them together
as one of Kb, whose gradient is their mean G:

    tr Σ ≈ (mean ‖G_i‖² − ‖G‖²) / (1/b − 1/Kb)
    ‖g‖² ≈ (Kb ‖G‖² − b mean ‖G_i‖²) / (Kb − b)          B = tr Σ / ‖g‖²

Only two gradients are held at a time. What counts as an example is whatever `source` yields: for a
language model a window of text. Layers that mix the examples of a batch, such as batch
normalisation, make the question meaningless. The definition itself is in `autograd.noise_scale`.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.objectives.objective import Objective
from practicum.seeding import forked, stream
from practicum.training.loop import Source
from practicum.training.optimiser import trainable


@dataclass(frozen=True, kw_only=True)
class NoiseScale:
    """What was measured over `batches` batches of `batch` examples."""

    signal: float  # ‖g‖², without bias: where noise buries it, it may come out below zero
    noise: float  # tr Σ of one example
    batch: int
    batches: int

    @property
    def scale(self) -> float:
        """B in examples; infinite where no signal was found: measure more or larger batches."""
        return self.noise / self.signal if self.signal > 0 else math.inf

    def progress(self, batch: int) -> float:
        """A step's progress at this batch size, of what it would be without noise: 1/(1 + B/b).

        At b = B it is one half: twice the batch gains a third at most, half of it loses a third.
        """
        return 1 / (1 + self.scale / batch)


def noise_scale(
    model: nn.Module,
    source: Source,
    objective: Objective[Any],
    *,
    batches: int,
    seed: int,
    params: Iterable[nn.Parameter] | None = None,
) -> NoiseScale:
    """The noise scale at the model's present weights, which it leaves as they are.

    It rises while a model learns, so that one measured at the start is too small for later.
    Deterministic in `seed` and the source. Gradients that the parameters hold are dropped.

    Raises ConfigError for fewer than two batches, or batches of different sizes.
    """
    if batches < 2:
        raise ConfigError(f"a noise scale needs two batches or more; got {batches}")
    chosen = trainable(model.parameters() if params is None else params)
    sizes, squares, total = set(), [], [torch.zeros_like(p, dtype=torch.float64) for p in chosen]
    for size, gradient in _gradients(model, source, objective, batches, seed, chosen):
        sizes.add(size)
        squares.append(_square(gradient))
        for sum_, part in zip(total, gradient, strict=True):
            sum_ += part
    if len(sizes) > 1:
        raise ConfigError(f"batches of {sorted(sizes)} examples; a noise scale needs equal ones")
    b, k = sizes.pop(), len(squares)
    small, large = math.fsum(squares) / k, _square(total) / k**2
    return NoiseScale(
        signal=(k * large - small) / (k - 1),
        noise=(small - large) * b * k / (k - 1),
        batch=b,
        batches=k,
    )


def _gradients(
    model: nn.Module,
    source: Source,
    objective: Objective[Any],
    batches: int,
    seed: int,
    chosen: list[nn.Parameter],
) -> Iterator[tuple[int, list[Tensor]]]:
    """The number of examples of each batch, and the gradient of its mean loss."""
    device, was_training = chosen[0].device, model.training
    model.train()
    try:
        for number in range(batches):
            examples = next(source)
            batch = objective.prepare(examples, stream(seed, "noise scale", number)).to(device)
            with forked(seed, "noise scale", number):  # dropout is part of the noise
                loss = objective.loss(model, batch)
                found = torch.autograd.grad(
                    loss.total / loss.count, chosen, allow_unused=True, materialize_grads=True
                )
            yield len(examples), list(found)
    finally:
        model.train(was_training)


def _square(gradient: list[Tensor]) -> float:
    return math.fsum(float(part.double().square().sum()) for part in gradient)
