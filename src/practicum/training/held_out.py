"""The loss on text that was not trained on, as the loop asks for it while it runs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from practicum.data.loader import in_order
from practicum.objectives.objective import Objective
from practicum.seeding import stream


def held_out_loss(
    objective: Objective[Any], examples: Sequence[Any], *, batch: int, seed: int = 0
) -> Callable[[nn.Module], float]:
    """A function of a model: its mean loss (nats per target) over all `examples`, once each.

    What the objective draws is the same at every call, so that two calls compare.
    """
    return loss_over(objective, lambda: in_order(examples, batch), seed=seed)


def loss_over(
    objective: Objective[Any], batches: Callable[[], Iterable[Sequence[Any]]], *, seed: int = 0
) -> Callable[[nn.Module], float]:
    """`held_out_loss` over batches that are cut already, such as by length."""

    def evaluate(model: nn.Module) -> float:
        device = next(model.parameters()).device
        total, count = 0.0, 0
        for number, rows in enumerate(batches()):
            prepared = objective.prepare(rows, stream(seed, "held out", number)).to(device)
            loss = objective.loss(model, prepared)
            total, count = total + float(loss.total), count + loss.count
        return total / max(1, count)

    return evaluate
