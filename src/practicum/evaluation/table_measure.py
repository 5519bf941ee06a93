"""How well a network does the task of a table, as one number of which more is better."""

from functools import partial

import numpy as np
import torch
from torch import nn

from practicum.data.table_task import Cells, Classes, Inputs, Quantity, Task, Wanted
from practicum.evaluation.classifier import accuracy, answers
from practicum.evaluation.generalisation import Measure, share_explained
from practicum.objectives.masked import Masked
from practicum.seeding import stream


def measure_of(task: Task, model: nn.Module, *, seed: int = 0) -> Measure:
    """Accuracy for classes; for a quantity the share of its variance that is explained.

    For cells that share is taken over hidden ones, which `seed` chooses. Without looking one would
    say the mean of the training rows: that explains nothing.
    """
    match task.wanted:
        case Classes():
            return partial(accuracy, model)
        case Quantity():
            return lambda x, wanted: share_explained(answers(model, x), wanted, np.zeros(1))
        case Cells():
            return partial(_hidden_cells, task, model, seed)


def _hidden_cells(task: Task, model: nn.Module, seed: int, x: Inputs, wanted: Wanted) -> float:
    generator = stream(seed, "hidden cells")
    puzzle = Masked(groups=task.groups)(torch.from_numpy(x), generator)
    assert puzzle.scored is not None
    hidden = puzzle.scored.numpy()
    mean = np.broadcast_to(wanted.mean(0), wanted.shape)[hidden]
    return share_explained(answers(model, puzzle.x.numpy())[hidden], wanted[hidden], mean)
