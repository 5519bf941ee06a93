"""A survey stands on its network: its lines start there, its path ends there."""

import numpy as np
import pytest
import torch

from practicum.data.loader import Loader
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.squares import SummedSquares
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.landscape import Path, weights_of
from practicum.training.landscape_survey import survey
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

DRAW = np.random.default_rng(0)
EXAMPLES = [(DRAW.random(9, np.float32), int(DRAW.integers(4))) for _ in range(40)]


def test_a_survey_starts_and_ends_at_the_network():
    model = build(Perceptron(widths=(9, 7, 4)), seed=0)
    path = Path(every=4)
    budget = Budget(
        steps=30, batch=8, rate=1.0, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )
    loader, watch = Loader(EXAMPLES, 8, seed=0), Watch(after_step=path)
    fit(model, loader, SummedSquares(), budget, seed=0, watch=watch)
    measure = held_out_loss(SummedSquares(), EXAMPLES, batch=40)
    other = build(Perceptron(widths=(9, 7, 4)), seed=1)
    found = survey(model, weights_of(other), path.points, measure, seed=0, grid=5, steps=3)
    with torch.no_grad():
        here, there = measure(model), measure(other)
    assert found.between[0] == here
    assert found.between[-1] == pytest.approx(there, rel=1e-5)
    assert [line[0] for line in found.directions] == [here, here]
    assert found.barrier >= 0
    assert found.heights.shape == (5, 5)
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-6)
    for axis, column in zip((found.rights, found.ups), found.path.T, strict=True):
        assert axis[0] < column.min()
        assert column.max() < axis[-1]
    assert 0.5 < found.shown <= 1 + 1e-9
