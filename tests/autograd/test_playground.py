"""Descents on formulas: they stop in valleys, which one depends on the start, and can fly off."""

import numpy as np
import pytest

from practicum.autograd.playground import ends, formula, heights, nudged, walk
from practicum.errors import ConfigError

VALLEYS = formula("x**4 - 3*x**2 + x/2")
BOWL = formula("x**2 + 3*y**2")


def test_a_formula_is_its_value_on_numbers_and_on_grids():
    f = formula("max(x, 2*y) * exp(-z) + tanh(x) / 3 - relu(y)", names=("x", "y", "z"))
    x, y, z = np.random.default_rng(0).random((3, 4, 5))
    wanted = np.maximum(x, 2 * y) * np.exp(-z) + np.tanh(x) / 3 - np.maximum(y, 0)
    np.testing.assert_allclose(f(np.stack([x, y, z])), wanted)
    assert formula("sigmoid(b) + a").names == ("a", "b")
    np.testing.assert_allclose(formula("sigmoid(b) + a")([1.0, 0.0]), 1.5)


def test_where_a_walk_ends_depends_on_where_it_starts():
    walks = [walk(VALLEYS, [start], rate=0.02, steps=400) for start in (-2.0, -0.5, 0.3, 2.0)]
    for each in walks:
        assert abs(each.slopes[-1, 0]) < 1e-6
        assert (np.diff(each.values) <= 1e-12).all()
    assert len(ends(walks, apart=1e-3)) == 2
    np.testing.assert_allclose(walks[0].end, walks[1].end, atol=1e-5)


def test_a_step_is_the_rate_times_the_slope_so_steps_shrink():
    each = walk(BOWL, [1.0, 1.0], rate=0.1, steps=20)
    assert len(each.points) == 21
    np.testing.assert_allclose(each.slopes, each.points * [2, 6])
    np.testing.assert_allclose(each.lengths, 0.1 * np.linalg.norm(each.slopes[:-1], axis=1))
    assert (np.diff(each.lengths) < 0).all()


def test_a_rate_too_large_flies_off_and_the_walk_says_how_far_it_came():
    each = walk(VALLEYS, [2.0], rate=1.0, steps=100)
    assert 2 <= len(each.points) < 100
    assert np.isfinite(each.values).all()


def test_a_gradient_of_three_to_one_is_felt_three_times_as_much():
    tilted = formula("3*x + y")
    assert walk(tilted, [0.5, 0.5], rate=0.1, steps=0).slopes[0].tolist() == [3.0, 1.0]
    first, second = nudged(tilted, [0.5, 0.5], 1e-3)
    assert first / second == pytest.approx(3)


def test_heights_have_a_row_for_each_y():
    xs, ys = np.linspace(-1, 1, 3), np.linspace(0, 2, 5)
    ground = heights(BOWL, xs, ys)
    assert ground.shape == (5, 3)
    assert ground[4, 0] == 1 + 3 * 4
    assert heights(formula("x*0", names=("x", "y")), xs, ys).shape == (5, 3)


def test_any_function_of_an_array_can_be_walked_down():
    each = walk(lambda p: np.sin(p[0]) + p[1] ** 2, [0.0, 1.0], rate=0.2, steps=200)
    np.testing.assert_allclose(each.end, [-np.pi / 2, 0], atol=1e-6)


def test_what_is_no_formula_is_refused():
    with pytest.raises(ConfigError, match="reads z"):
        formula("x + z", names=("x", "y"))
    with pytest.raises(ConfigError):
        formula("__import__('os')")
