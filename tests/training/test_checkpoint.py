"""Which checkpoint is the best, and that it is kept while the run goes on."""

from pathlib import Path

import pytest
import torch
from torch import nn

from practicum.data.loader import Loader
from practicum.errors import CheckpointError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.seeding import stream
from practicum.training.averaging import average_checkpoints
from practicum.training.budget import Budget
from practicum.training.checkpoint import best_checkpoint
from practicum.training.loop import Watch, fit


def test_the_best_checkpoint_is_that_of_the_lowest_held_out_loss(tmp_path: Path):
    losses, seen = iter([3.0, 1.0, 2.0, 4.0]), []

    def evaluate(model: nn.Module) -> float:
        seen.append([p.detach().clone() for p in model.parameters()])
        return next(losses)

    rows = [(torch.randn(3, generator=stream(n, "row")).numpy(), n % 2) for n in range(8)]
    model = build(Perceptron(widths=(3, 2)), seed=0)
    budget = Budget(steps=8, batch=4, rate=1e-2, evaluate_every=2)
    watch = Watch(evaluate=evaluate, folder=tmp_path)
    fit(model, Loader(rows, 4, seed=0), CrossEntropy(), budget, seed=0, watch=watch)
    assert best_checkpoint(tmp_path).name == "step-00000004"
    average_checkpoints(model, [best_checkpoint(tmp_path)])
    for parameter, best in zip(model.parameters(), seen[1], strict=True):
        assert torch.equal(parameter, best)


def test_a_run_without_held_out_losses_has_no_best_checkpoint(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no best checkpoint"):
        best_checkpoint(tmp_path)
