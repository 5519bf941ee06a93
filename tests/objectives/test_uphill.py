"""A step along the turned cost is the step back."""

import numpy as np
import torch

from practicum.data.loader import Loader
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.squares import SummedSquares
from practicum.objectives.uphill import Uphill
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant


def test_up_is_the_opposite_of_down():
    draw = np.random.default_rng(0)
    examples = [(draw.random(6, np.float32), int(draw.integers(3))) for _ in range(8)]
    budget = Budget(
        steps=1, batch=8, rate=0.5, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )
    start, ends = build(Perceptron(widths=(6, 4, 3)), seed=0), []
    for objective in (SummedSquares(), Uphill(SummedSquares())):
        ends.append(build(Perceptron(widths=(6, 4, 3)), seed=0))
        fit(ends[-1], Loader(examples, 8, seed=0), objective, budget, seed=0)
    for origin, down, up in zip(start.parameters(), *(m.parameters() for m in ends), strict=True):
        torch.testing.assert_close(down - origin, origin - up, atol=1e-6, rtol=1e-4)
