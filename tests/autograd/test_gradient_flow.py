"""Sizes, gains and shares of a gradient on its way, on a circuit written by hand."""

import numpy as np
import pytest

from practicum.autograd.drawing import sketch
from practicum.autograd.gradient_flow import GradientFlow, Wire


@pytest.fixture
def flow():
    """out = sum(relu(x) · 10), of which the second entry is stopped; y leads nowhere."""
    x = Wire(label="x", op="", children=(), data=np.array([3.0, -4.0]), grad=np.array([10.0, 0.0]))
    y = Wire(label="y", op="", children=(), data=np.array(1.0))
    relu = Wire(
        label="relu", op="relu", children=(x,), data=np.array([3.0, 0.0]),
        grad=np.array([10.0, 10.0]), passed=(np.array([10.0, 0.0]),),
    )  # fmt: skip
    mul = Wire(
        label="mul", op="mul", children=(relu, y), data=np.array([30.0, 0.0]),
        grad=np.ones(2), passed=(np.array([10.0, 10.0]), None),
    )  # fmt: skip
    out = Wire(
        label="out", op="sum", children=(mul,), data=np.array(30.0),
        grad=np.array(1.0), passed=(np.ones(2),),
    )  # fmt: skip
    return GradientFlow(out)


def test_sizes_are_norms_and_gains_their_ratios(flow):
    (passage,) = flow.uses(flow["relu"])
    assert passage.size == pytest.approx(np.sqrt(200))
    assert passage.gain == pytest.approx(10.0)
    assert [each.gate.label for each in flow.exploding()] == ["mul"]


def test_what_arrives_and_does_not_leave_was_stopped(flow):
    (passage,) = flow.stopped()
    assert (passage.gate.label, passage.stopped) == ("relu", 0.5)
    assert flow.why("x") == (
        "the gradient of x has size 10, from relu (arriving 14.14, passed on 10, "
        "50% of its entries stopped)"
    )


def test_paths_end_where_nothing_comes_back(flow):
    assert [wire.label for wire in flow.strongest_path("x")] == ["x", "relu", "mul", "out"]
    assert [wire.label for wire in flow.strongest_path("y")] == ["y"]


def test_a_flow_is_tabulated_and_drawn(flow):
    assert [row["wire"] for row in flow.rows()] == ["out", "mul", "y", "relu", "x"]
    assert flow.rows()[-1] == {
        "wire": "x", "gate": "", "of": "", "shape": "2", "value": pytest.approx(np.sqrt(12.5)),
        "gradient": 10.0, "zeros": 0.5,
    }  # fmt: skip
    picture = sketch(flow.array()).svg()
    assert all(label in picture for label in ("relu", "mul", "out"))
