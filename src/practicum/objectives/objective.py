"""The joint between data, models and the loop: what is hidden, and how the answer is scored.

A loss is a *sum* with the number of targets it sums over, so that accumulation, data parallelism
and padding average rightly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """`total` nats over `count` targets, with the named parts it was made of."""

    total: Tensor
    count: int
    parts: dict[str, Tensor] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Nats per target."""
        return float(self.total.detach()) / max(1, self.count)


class Batch(Protocol):
    """Tensors for one forward pass. `count` targets are scored, `tokens` tokens are read."""

    @property
    def count(self) -> int: ...

    @property
    def tokens(self) -> int: ...

    def to(self, device: torch.device | str) -> "Batch": ...


T = TypeVar("T", bound="TensorBatch")


class TensorBatch:
    """The half that batches share: a frozen dataclass whose tensors move together."""

    def to(self: T, device: torch.device | str) -> T:
        """The same with every tensor on `device`; what is no tensor stays as it is."""
        batch: Any = self
        parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
        tensors = {name: part for name, part in parts.items() if isinstance(part, Tensor)}
        return replace(batch, **{name: part.to(device) for name, part in tensors.items()})


B = TypeVar("B", bound=Batch)


class Objective(Protocol[B]):
    """What the loop needs to know of a way of learning."""

    def prepare(self, examples: Sequence[Any], generator: torch.Generator) -> B:
        """Hide, shift, pack: from examples to tensors. Draws only from `generator`."""
        ...

    def loss(self, model: Any, batch: B) -> Loss:
        """Score the model's answer, differentiably."""
        ...
