"""How good a model is while it learns, over the examples it has seen, and when it was good enough.

Ways of learning are compared over examples, not over epochs or steps: those may show it different
numbers of them.
"""

from collections.abc import Callable

import torch
from torch import nn

from practicum import events
from practicum.errors import ConfigError
from practicum.nn.modes import resting


class LearningCurve:
    """Calls `measure` every so many steps; to be given to the loop as `Watch.after_step`.

    `batch` is how many examples a step sees. Emits the metric `name`, at examples seen.
    """

    def __init__(
        self,
        measure: Callable[[nn.Module], float],
        *,
        batch: int,
        every: int = 10,
        name: str = "skill",
    ) -> None:
        if batch < 1 or every < 1:
            raise ConfigError(f"a curve of batches of {batch}, every {every} steps; expected 1 on")
        self.measure, self.batch, self.every, self.name = measure, batch, every, name
        self.points: list[tuple[int, float]] = []  # (examples seen, value)

    def __call__(self, step: int, model: nn.Module) -> None:
        if step % self.every:
            return
        with resting(model), torch.no_grad():
            value = self.measure(model)
        self.points.append((step * self.batch, value))
        events.emit(events.Metric(name=self.name, value=value, step=step * self.batch))

    def reached(self, value: float) -> int | None:
        """How many examples had been seen when the curve first stood at `value` or above."""
        return next((seen for seen, height in self.points if height >= value), None)
