"""Importance is the gradient, ranked; and it is what the cost really feels."""

import numpy as np
import pytest
import torch

from practicum.interpret.importance import importance
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.squares import SummedSquares
from practicum.training.held_out import held_out_loss

DRAW = np.random.default_rng(0)
EXAMPLES = [(DRAW.random(9), int(DRAW.integers(4))) for _ in range(23)]


def setting():
    model = build(Perceptron(widths=(9, 7, 4)), seed=0, dtype=torch.float64)
    return model, importance(model, SummedSquares(), EXAMPLES, batch=10, seed=0)


def test_slopes_are_those_of_the_mean_cost_and_the_models_own_stay():
    model, found = setting()
    assert all(p.grad is None for p in model.parameters())
    objective = SummedSquares()
    batch = objective.prepare(EXAMPLES, torch.Generator())
    (objective.loss(model, batch).total / 23).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None
        torch.testing.assert_close(found.slopes[name], p.grad)


def test_the_steepest_knob_moves_the_cost_by_its_slope_and_more_than_others():
    model, found = setting()
    ranked = found.ranked(10_000)
    assert len(ranked) == sum(p.numel() for p in model.parameters())
    assert [abs(k.slope) for k in ranked] == sorted((abs(k.slope) for k in ranked), reverse=True)
    measure = held_out_loss(SummedSquares(), EXAMPLES, batch=23)
    with torch.no_grad():
        base = measure(model)
        for knob in (ranked[0], ranked[20], ranked[-1]):
            tensor = model.get_parameter(knob.name)
            assert float(tensor[knob.place]) == knob.value
            tensor[knob.place] += 1e-5
            assert measure(model) - base == pytest.approx(1e-5 * knob.slope, rel=1e-2, abs=1e-9)
            tensor[knob.place] = knob.value
    assert ranked[0].times(ranked[20]) == abs(ranked[0].slope / ranked[20].slope)


def test_shares_grow_to_the_whole():
    _, found = setting()
    shares = [found.share(part) for part in (0.1, 0.5, 1.0)]
    assert 0.1 < shares[0] < shares[1] < shares[2] == pytest.approx(1.0)


def test_a_parameter_out_of_reach_has_slope_zero():
    model = build(Perceptron(widths=(9, 7, 4)), seed=0, dtype=torch.float64)
    model.spare = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    found = importance(model, SummedSquares(), EXAMPLES, batch=10, seed=0)
    assert found.slopes["spare"].tolist() == [0.0, 0.0]
