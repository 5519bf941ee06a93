"""The judges of gradients, judged: against derivatives known in closed form, and each other."""

import numpy as np
import pytest
import scipy.optimize

from practicum.autograd.differences import Dual, centred, complex_step, forward_mode
from practicum.errors import ConfigError

JUDGES = {
    "centred": (centred, 1e-8),
    "complex": (complex_step, 1e-14),
    "dual": (forward_mode, 1e-14),
}
W = np.array([[0.5, -1.2, 0.3], [2.0, 0.1, -0.7]])
X = np.array([0.4, -0.9, 1.3])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


FUNCTIONS = {
    "powers": (lambda x: (x**3).sum() + x[0] * x[1], lambda x: 3 * x**2 + [x[1], x[0], 0]),
    "exp": (lambda x: np.exp(x).sum(), np.exp),
    "log": (lambda x: np.log(x * x + 1).sum(), lambda x: 2 * x / (x * x + 1)),
    "quotient": (lambda x: sigmoid(x).sum(), lambda x: sigmoid(x) * sigmoid(-x)),
    "matrix": (
        lambda x: (np.tanh(W @ x) ** 2).sum(),
        lambda x: W.T @ (2 * np.tanh(W @ x) * (1 - np.tanh(W @ x) ** 2)),
    ),
    "waves": (lambda x: (np.sin(x) * np.cos(x)).sum(), lambda x: np.cos(2 * x)),
    "roots": (lambda x: np.sqrt(np.square(x) + 2).sum(), lambda x: x / np.sqrt(x * x + 2)),
    "moving exponent": (lambda x: (2.0**x).sum(), lambda x: np.log(2) * 2**x),
    "mean": (
        lambda x: (x.reshape(3, 1) @ x.reshape(1, 3)).mean(),
        lambda x: 2 * x.sum() / 9 + 0 * x,
    ),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_judge_gives_the_known_derivative(judge, name):
    (gradient, tolerance), (f, known) = JUDGES[judge], FUNCTIONS[name]
    np.testing.assert_allclose(gradient(f, X), known(X), rtol=tolerance, atol=tolerance)


def test_centred_differences_agree_with_scipy():
    f, known = FUNCTIONS["matrix"]
    assert scipy.optimize.check_grad(f, lambda x: centred(f, x), X) < 1e-6


@pytest.mark.parametrize("judge", JUDGES)
def test_shapes_are_kept_and_a_number_is_an_array_without_axes(judge):
    gradient, _ = JUDGES[judge]
    assert gradient(lambda x: (x * x).sum(), np.ones((2, 3))).shape == (2, 3)
    assert gradient(lambda x: x * x, 3.0) == pytest.approx(6.0)
    assert gradient(lambda x: (x * x).sum(), np.ones((0, 3))).shape == (0, 3)


def test_large_entries_are_stepped_by_more():
    assert centred(lambda x: x**2, 1e9) == pytest.approx(2e9, rel=1e-9)


def test_whole_numbers_and_single_precision_are_judged_in_double():
    assert centred(lambda x: (x**2).sum(), [1, 2]) == pytest.approx([2.0, 4.0], abs=1e-9)
    assert centred(lambda x: (x**2).sum(), np.float32([1, 2])) == pytest.approx([2, 4], abs=1e-9)


def test_a_function_that_writes_into_its_input_harms_nobody():
    def greedy(x):
        x *= 2.0
        return x.sum()

    given = np.ones(3)
    assert centred(greedy, given) == pytest.approx([2.0] * 3)
    assert given.tolist() == [1.0] * 3


def test_kinks_take_the_mean_slope_or_the_branch():
    relu = lambda x: np.maximum(x, 0.0).sum()
    assert centred(relu, [0.0, 1.0]) == pytest.approx([0.5, 1.0])
    assert forward_mode(relu, [0.0, 1.0]).tolist() == [1.0, 1.0]  # the first of a tie
    assert forward_mode(lambda x: np.where(x > 0, x, -x).sum(), [-2.0]).tolist() == [-1.0]
    assert forward_mode(lambda x: np.minimum(x, 1.0).sum() + abs(x).sum(), [-2.0]).tolist() == [0]


def test_a_constant_has_no_slope():
    assert forward_mode(lambda x: 3.0, [1.0]).tolist() == [0.0]
    assert centred(lambda x: 3.0, [1.0]).tolist() == [0.0]


def test_what_cannot_be_judged_is_said_in_one_line():
    with pytest.raises(ConfigError, match="gives an array of shape \\(2,\\).*one number"):
        centred(lambda x: x, [1.0, 2.0])
    with pytest.raises(ConfigError, match="gives str; a gradient needs one number"):
        centred(lambda x: "three", [1.0])
    with pytest.raises(ConfigError, match="real float.*no abs"):
        complex_step(lambda x: np.abs(x).sum(), [1.0, 2.0])
    with pytest.raises(ConfigError, match="do not know arctan"):
        forward_mode(lambda x: np.arctan(x).sum(), [1.0])
    with pytest.raises(ConfigError, match=r"do not know np\.cumsum"):
        forward_mode(np.cumsum, [1.0])


def test_dual_numbers_compare_by_their_values():
    small, large = Dual(1.0, 5.0), Dual(2.0, -5.0)
    assert small < large
    assert large >= 2.0
    assert repr(small * large) == "Dual(2.0, 5.0)"
    assert len(Dual([1.0, 2.0]).T) == 2
