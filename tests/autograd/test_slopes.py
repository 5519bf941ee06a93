"""One slope at a time: kinks at any distance are told from bends, jumps and mistakes."""

import numpy as np
import pytest

from practicum.autograd.slopes import Check, judged_slope

H = 1e-5
CENTRED = Check(by="centred")


@pytest.mark.parametrize("away", [0.0, 1e-3, 0.05, 0.1, 0.2, 0.5, 0.9, -0.1, -0.5])
def test_a_kink_within_the_step_is_seen_at_any_distance(away):
    f = lambda x: np.maximum(x.sum() - away * H, 0.0) * 3.0 + x.sum() ** 2
    right = 3.0 if away < 0 else 0.0
    slope = judged_slope(f, np.zeros(1), 0, right, CENTRED)
    assert slope.right
    assert slope.sides is not None
    wrong = judged_slope(f, np.zeros(1), 0, 4.0, CENTRED)
    assert (wrong.right, wrong.sides is None) == (False, False)


def test_a_kink_beyond_the_step_does_not_matter():
    f = lambda x: np.maximum(x.sum() - 1.5 * H, 0.0)
    slope = judged_slope(f, np.zeros(1), 0, 0.0, CENTRED)
    assert (slope.right, slope.sides) == (True, None)


@pytest.mark.parametrize("bend", [1.0, 1e3, 1e5])
def test_a_sharp_bend_is_no_kink(bend):
    f = lambda x: np.sqrt(1.0 + (bend * x.sum()) ** 2)
    slope = judged_slope(f, np.zeros(1), 0, 0.3 * bend, CENTRED)
    assert not slope.right


def test_a_jump_is_no_kink():
    slope = judged_slope(lambda x: float(x.sum() >= 0), np.zeros(1), 0, 0.0, CENTRED)
    assert (slope.right, slope.sides) == (False, None)


def test_rounding_of_a_large_value_is_no_error():
    f = lambda x: 1e6 + 1e-7 * np.sin(x.sum())
    assert judged_slope(f, np.zeros(1), 0, 1e-7, CENTRED).right
    assert not judged_slope(f, np.zeros(1), 0, 1e-2, CENTRED).right
