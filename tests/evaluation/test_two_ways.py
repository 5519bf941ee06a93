"""Whole signals against their steps."""

import pytest
import torch

from practicum.errors import ModelError
from practicum.evaluation.two_ways import stepping_gap
from practicum.models.build import build
from practicum.models.families.s4 import s4
from practicum.models.families.signal_readers import gated_reader
from practicum.nn.state_space import LowRank, StateSpace, StateSpaceLayer
from practicum.seeding import stream

X = torch.randn(2, 12, 1, generator=stream(0, "x"), dtype=torch.float64)
READER = s4(
    features=1, classes=2, width=6, depth=2, mixer=StateSpace(matrix=LowRank(length=12), state=4)
)


def test_one_function_has_no_gap():
    assert stepping_gap(build(READER, seed=0).double(), X) < 1e-12


def test_two_functions_have_one(monkeypatch):
    model, right = build(READER, seed=0).double(), StateSpaceLayer.kernels
    monkeypatch.setattr(StateSpaceLayer, "kernels", lambda self, length: 2 * right(self, length))
    assert stepping_gap(model, X) > 0.05


def test_what_cannot_follow_a_signal_is_refused():
    model = build(gated_reader(features=1, classes=2, width=4, depth=1)).double()
    with pytest.raises(ModelError, match="whole signals"):
        stepping_gap(model, X)
