"""Initial weights by rules; the starts of other files are tested beside them."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.nn.initial import Constant, InverseSoftplus, Normal, NormalRows, Rule, initialise
from practicum.seeding import stream


def test_the_first_rule_that_matches_a_name_applies():
    module = nn.Linear(3, 2)
    rules = (
        Rule(names="*.bias", start=Constant(value=1.0)),
        Rule(names="b*", start=Constant(value=2.0)),
    )
    initialise(module, (*rules, Rule(names="*", start=Normal(std=1.0))), seed=0)
    assert module.bias.tolist() == [2.0, 2.0]
    with pytest.raises(ConfigError, match="no rule says how 'weight' starts"):
        initialise(module, rules, seed=0)


def test_steps_lie_between_their_bounds_every_order_of_magnitude_alike():
    start = InverseSoftplus(low=1e-4, high=1e-2, floor=1e-5)
    steps = F.softplus(start.drawn(torch.Size((20, 500)), stream(0, "steps")).double())
    assert steps.min() > 0.99e-4
    assert steps.max() < 1.01e-2
    halves = (steps < 1e-3).double().mean()
    assert halves == pytest.approx(0.5, abs=0.02)


def test_no_step_is_below_the_floor():
    start = InverseSoftplus(low=1e-6, high=1e-2, floor=1e-3)
    steps = F.softplus(start.drawn(torch.Size((1000,)), stream(0, "steps")).double())
    assert steps.min() == pytest.approx(1e-3, rel=1e-3)
    assert (steps < 1.001e-3).double().mean() == pytest.approx(
        math.log(1e3) / math.log(1e4), abs=0.05
    )


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ConfigError, match=r"InverseSoftplus from 0\.1 to 0\.01"):
        InverseSoftplus(low=0.1, high=0.01)


def test_parts_of_a_matrix_start_each_with_a_deviation_of_its_own():
    start = NormalRows(rows=(40, 10), std=(0.1, 2.0))
    drawn = start.drawn(torch.Size((50, 400)), stream(0, "parts"))
    assert float(drawn[:40].std()) == pytest.approx(0.1, rel=0.03)
    assert float(drawn[40:].std()) == pytest.approx(2.0, rel=0.05)
    with pytest.raises(ConfigError, match="do not make up a matrix of 49"):
        start.drawn(torch.Size((49, 400)), stream(0, "parts"))


def test_a_part_without_a_deviation_is_refused():
    with pytest.raises(ConfigError, match="one std for each part"):
        NormalRows(rows=(3, 4), std=(1.0,))
