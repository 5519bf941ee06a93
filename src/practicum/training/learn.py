"""From a table to a network that knows it, whatever kind of task the table poses.

The rows are split by their own hash into training, validation and test. A perceptron learns from
the training rows through the one loop; what is kept are the weights with the lowest loss on the
validation rows. The test rows are only handed on, for `evaluation.generalisation` to measure:

    learned = learn(read_table("houses.csv"), "price", seed=0)
    report = generalisation(
        measure_of(learned.task, learned.model), learned.examples.train, learned.examples.test,
        {"noisy": Changed(changes=(Noise(std=0.1),))}, seed=0)
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Num
from torch import nn

from practicum.data.hash_split import hash_split
from practicum.data.loader import Loader
from practicum.data.table import Table
from practicum.data.table_task import Cells, Classes, Inputs, Quantity, Task, Wanted, task_of
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron, PerceptronModel
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.masked import Masked
from practicum.objectives.objective import Objective
from practicum.objectives.self_supervised import SelfSupervised
from practicum.objectives.squares import SummedSquares
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import AdamW

USUAL = Budget(
    steps=1000, batch=32, rate=3e-3, optimiser=AdamW(decay=1e-2), evaluate_every=50
)  # suits tables of hundreds to some ten thousand rows


Side = tuple[Num[np.ndarray, "..."], Num[np.ndarray, "..."]]  # inputs, what is wanted of each


@dataclass(frozen=True)
class Sides:
    """The examples, by what they are for."""

    train: Side
    validation: Side
    test: Side


@dataclass(frozen=True)
class Learned:
    """The task as it was understood, the network, and the examples it was made with."""

    task: Task
    model: PerceptronModel
    examples: Sides

    def answers(self, table: Table) -> list[str] | list[float]:
        """The likeliest class, or the number, for each row. Raises ConfigError without a target."""
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            found = self.model(torch.from_numpy(self.task.inputs_of(table)).to(device)).cpu()
        match self.task.wanted:
            case Classes(names=names):
                return [names[place] for place in found.argmax(1).tolist()]
            case Quantity(mean=mean, deviation=deviation):
                return (found[:, 0] * deviation + mean).tolist()
            case Cells():
                raise ConfigError("nothing is asked of a table learned without a target; name one")


def learn(
    table: Table,
    target: str | None = None,
    *,
    seed: int,
    hidden: tuple[int, ...] = (64,),
    budget: Budget = USUAL,
) -> Learned:
    """Learn to tell the column `target` of `table` from the others; without one, cells from cells.

    Raises UnknownName for a column that is not there, DataError for gaps in the target or too few
    rows, TrainingError when learning diverges.
    """
    sides = hash_split(table.texts)
    task = task_of(table.rows(sides.train), target)
    sides = {name: table.rows(rows) for name, rows in vars(sides).items()}
    examples = {name: (task.inputs_of(s), task.wanted_of(s)) for name, s in sides.items()}
    widths = (task.inputs, *hidden, task.outputs)
    network = Perceptron(widths=widths, activation="relu", output="identity", start="he")
    model, objective = build(network, seed=seed), objective_of(task)
    best = _Best(held_out_loss(objective, _rows(task, *examples["validation"]), batch=256))
    source = Loader(_rows(task, *examples["train"]), budget.batch, seed=seed)
    fit(model, source, objective, budget, seed=seed, watch=Watch(name="learning", evaluate=best))
    model.load_state_dict(best.weights)
    return Learned(task, model, Sides(**examples))


def objective_of(task: Task) -> Objective[Any]:
    """How answers to the task are scored."""
    match task.wanted:
        case Classes():
            return CrossEntropy()
        case Quantity():
            return SummedSquares()
        case Cells():
            return SelfSupervised(rule=Masked(groups=task.groups))


def _rows(task: Task, x: Inputs, wanted: Wanted) -> list[Any]:
    """Examples as the objective wants them: pairs, or without a target the inputs alone."""
    if isinstance(task.wanted, Cells):
        return list(x)
    labels = wanted.tolist() if isinstance(task.wanted, Classes) else list(wanted)
    return list(zip(x, labels, strict=True))


class _Best:
    """Held-out loss of a model, and the weights with which it was lowest."""

    def __init__(self, loss: Callable[[nn.Module], float]) -> None:
        self.loss, self.lowest = loss, math.inf
        self.weights: dict[str, Any] = {}

    def __call__(self, model: nn.Module) -> float:
        value = self.loss(model)
        if value < self.lowest:
            self.lowest, self.weights = value, copy.deepcopy(model.state_dict())
        return value
