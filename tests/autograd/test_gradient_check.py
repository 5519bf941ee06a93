"""The checker finds gradients that are planted wrong, and lets those that are right pass."""

import math

import numpy as np
import pytest

from practicum.autograd.gradient_check import check_gradients
from practicum.autograd.slopes import Check
from practicum.errors import ConfigError

draw = np.random.default_rng(7).normal
X, W, V = draw(size=(5, 3)), draw(size=(4, 3)), draw(size=(2, 4))
b = draw(size=4)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def network(X, W, b, V):
    """Two layers on five examples, the hidden one used twice: a fork, a broadcast, a transpose."""
    hidden = sigmoid(X @ W.T + b)
    return ((hidden @ V.T) ** 2).sum() + 0.5 * (hidden**2).sum()


def network_gradient(X, W, b, V):
    hidden = sigmoid(X @ W.T + b)
    out = 2.0 * hidden @ V.T
    d_hidden = out @ V + hidden
    d_z = d_hidden * hidden * (1 - hidden)
    return {"X": d_z @ W, "W": d_z.T @ X, "b": d_z.sum(0), "V": out.T @ hidden}


def layer_norm(x):
    return (W @ ((x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)) ** 3).sum()


def layer_norm_gradient(x):
    spread = np.sqrt(((x - x.mean()) ** 2).mean() + 1e-5)
    normal = (x - x.mean()) / spread
    d = 3 * W.sum(0) * normal**2
    return {"x": (d - d.mean() - normal * (d * normal).mean()) / spread}


def cross_entropy(z):
    return np.log(np.exp(z).sum(1)).sum() - z[np.arange(5), [0, 1, 2, 1, 0]].sum()


def cross_entropy_gradient(z):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    p[np.arange(5), [0, 1, 2, 1, 0]] -= 1.0
    return {"z": p}


NETWORK = (network, network_gradient, {"X": X, "W": W, "b": b, "V": V})
RIGHT = {
    "network": NETWORK,
    "layer norm": (layer_norm, layer_norm_gradient, {"x": draw(size=3)}),
    "cross-entropy": (cross_entropy, cross_entropy_gradient, {"z": X}),
    "product": (lambda x, y: x * y, lambda x, y: {"x": y, "y": x}, {"x": 3.0, "y": -4.0}),
    "relu away from 0": (
        lambda x: np.maximum(x, 0).sum(), lambda x: {"x": (x > 0).astype(float)}, {"x": X}),
    "relu at 0": (
        lambda x: (3 * np.maximum(x, 0)).sum(), lambda x: {"x": 3.0 * (x > 0)},
        {"x": np.array([0.0, 1e-6, -1e-6, 2.0, 1.3e-6, 4e-6, 9e-6])}),
    "absolute value at 0": (
        lambda x: abs(x).sum(), lambda x: {"x": np.sign(x)}, {"x": np.zeros(3)}),
    "tied maximum": (
        lambda x: x.max(), lambda x: {"x": (x == x.max()) / (x == x.max()).sum()},
        {"x": np.array([1.0, 2.0, 2.0])}),
    "fast wave far out": (
        lambda x: np.sin(x).sum(), lambda x: {"x": np.cos(x)}, {"x": np.array([1e3, -2e3])}),
    "tiny slopes beside a large value": (
        lambda x: 1e3 + (x**3).sum(), lambda x: {"x": 3 * x**2}, {"x": np.array([1e-4, 2e-3])}),
    "unused input": (lambda x, y: x**2, lambda x, y: {"x": 2 * x}, {"x": 1.5, "y": 2.0}),
    "steep": (lambda x: np.tanh(300 * x).sum(), lambda x: {"x": 300 / np.cosh(300 * x) ** 2},
              {"x": np.array([1e-3, -4e-3])}),
}  # fmt: skip


@pytest.mark.parametrize("by", [None, "centred"])
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass(name, by):
    function, gradient, inputs = RIGHT[name]
    report = check_gradients(function, gradient, inputs, Check(by=by))
    assert report.passed, str(report)
    assert report.largest <= 1e-7


def wrongly(change):
    """The network's gradient with one line of it changed."""

    def gradient(X, W, b, V):
        hidden = sigmoid(X @ W.T + b)
        out = 2.0 * hidden @ V.T
        d_z = (out @ V + hidden) * hidden * (1 - hidden)
        right = {"X": d_z @ W, "W": d_z.T @ X, "b": d_z.sum(0), "V": out.T @ hidden}
        return right | change(X, W, b, V, hidden, out, d_z)

    return gradient


CALLS = []


def stale(X, W, b, V, hidden, out, d_z):
    CALLS.append(hidden)  # the backward pass of the first call ever made, and of no other
    return {"V": out.T @ (0.999 * CALLS[0])}


BUGS = {
    "missing term": (lambda X, W, b, V, h, out, d: {"W": ((out @ V) * h * (1 - h)).T @ X}, "W"),
    "wrong sign": (lambda X, W, b, V, h, out, d: {"b": -d.sum(0)}, "b"),
    "forgotten transpose": (lambda X, W, b, V, h, out, d: {"W": X.T @ d}, "W"),
    "missing accumulation at a fork": (
        lambda X, W, b, V, h, out, d: {"X": (h * h * (1 - h)) @ W}, "X"),
    "off by a factor 2": (lambda X, W, b, V, h, out, d: {"V": 0.5 * out.T @ h}, "V"),
    "missing sum over the broadcast axis": (lambda X, W, b, V, h, out, d: {"b": d}, "b"),
    "wrong index": (lambda X, W, b, V, h, out, d: {"b": np.roll(d.sum(0), 1)}, "b"),
    "stale cache": (stale, "V"),
    "detached path": (lambda X, W, b, V, h, out, d: {"X": None}, "X"),
    "single precision": (
        lambda X, W, b, V, h, out, d: {"V": (out.T @ h).astype(np.float32)}, "V"),
    "forgotten slope of the activation": (
        lambda X, W, b, V, h, out, d: {"W": (out @ V + h).T @ X}, "W"),
    "not a number": (lambda X, W, b, V, h, out, d: {"W": d.T @ X * np.nan}, "W"),
}  # fmt: skip


@pytest.mark.parametrize("by", ["complex", "centred"])
@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found_where_they_are_and_nowhere_else(bug, by):
    change, where = BUGS[bug]
    report = check_gradients(network, wrongly(change), NETWORK[2], Check(by=by))
    assert [tensor.name for tensor in report.tensors if not tensor.passed] == [where]
    assert f"the gradient of '{where}'" in str(report)
    assert "\n" not in str(report)


def test_the_line_says_what_is_wrong():
    said = lambda bug: str(check_gradients(network, wrongly(BUGS[bug][0]), NETWORK[2]))
    assert "has shape (3, 4), its input (4, 3)" in said("forgotten transpose")
    assert "has shape (5, 4), its input (4,)" in said("missing sum over the broadcast axis")
    assert "is the path cut?" in said("detached path")
    assert "is float32 where its input is float64" in said("single precision")
    assert "not finite" in said("not a number")
    assert "wrong at 4 of 4 entries; worst at [" in said("wrong sign")


def test_single_precision_within_shows_to_complex_steps():
    def in_single(X, W, b, V, hidden, out, d_z):
        return {"W": (d_z.astype(np.float32).T @ X.astype(np.float32)).astype(float)}

    strict = Check(by="complex", smooth=1e-10)
    assert check_gradients(*NETWORK, strict).passed
    report = check_gradients(network, wrongly(in_single), NETWORK[2], strict)
    assert [tensor.name for tensor in report.tensors if not tensor.passed] == ["W"]


def test_a_gradient_that_piles_up_is_named():
    total = np.zeros(3)

    def gradient(x):
        total[:] += 2 * x
        return {"x": total}

    report = check_gradients(lambda x: (x**2).sum(), gradient, {"x": np.ones(3)})
    assert "differs between two calls" in str(report)


def test_a_wrong_slope_at_a_kink_is_not_excused():
    report = check_gradients(
        lambda x: np.maximum(x, 0).sum(), lambda x: {"x": 1.5 + 0 * x}, {"x": np.zeros(2)}
    )
    (tensor,) = report.tensors
    assert not report.passed
    assert len(tensor.kinks) == 2
    assert tensor.kinks[0].sides == pytest.approx((0.0, 1.0))


def test_kinks_are_reported_apart_from_smooth_slopes():
    function, gradient, inputs = RIGHT["relu at 0"]
    (tensor,) = check_gradients(function, gradient, inputs).tensors
    assert [slope.place for slope in tensor.kinks] == [(0,), (1,), (2,), (4,), (5,), (6,)]
    assert tensor.largest < 1e-9
    assert tensor.checked == 7


def test_a_function_that_jumps_fails():
    report = check_gradients(
        lambda x: np.floor(x).sum(), lambda x: {"x": 0 * x}, {"x": np.array([1.0, 1.5])}
    )
    assert [slope.place for slope in report.tensors[0].worst if not slope.right] == [(0,)]


def test_complex_steps_are_taken_where_the_function_takes_them():
    judge = lambda f, at: check_gradients(f, lambda x: 0 * x, {"x": at}).how.by
    assert judge(lambda x: np.exp(x).sum(), X) == "complex"
    assert judge(lambda x: abs(x).sum(), X) == "centred"
    assert judge(lambda x: np.real(x).sum(), X) == "centred"
    assert judge(lambda x: (x * np.conj(x)).sum(), X) == "centred"
    assert judge(lambda x: math.exp(x), 0.3) == "centred"  # noqa: PLW0108


def test_complex_steps_judge_to_rounding_error():
    function, gradient, inputs = RIGHT["layer norm"]
    report = check_gradients(function, gradient, inputs, Check(by="complex", smooth=1e-13))
    assert report.passed, str(report)


def test_large_tensors_are_sampled_alike_for_one_seed():
    inputs = {"x": draw(size=(30, 40))}
    call = lambda seed: check_gradients(
        lambda x: (x**3).sum(), lambda x: {"x": 3 * x * x}, inputs, Check(most=15, seed=seed)
    )
    assert call(1) == call(1)
    places = [{slope.place for slope in call(seed).tensors[0].worst} for seed in (1, 2)]
    assert places[0] != places[1]
    (tensor,) = call(1).tensors
    assert (tensor.checked, len(tensor.worst), tensor.shape) == (15, 10, (30, 40))
    errors = [slope.error for slope in tensor.worst]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == tensor.largest >= tensor.mean


square, double = lambda x: (x * x).sum(), lambda x: {"x": 2 * x}
NOISE = np.random.default_rng(0)


def overwrite(x):
    x *= 2.0
    return x.sum()


def overwriting_gradient(x):
    x *= 2.0
    return {"x": x}


BAD = {
    "no inputs": (square, double, {}, "there is no input to check"),
    "whole numbers": (square, double, {"x": np.arange(3)}, "input 'x' holds int64.*1.0 for 1"),
    "no number": (square, double, {"x": "three"}, "input 'x' holds <U5"),
    "nan": (square, double, {"x": np.array([np.nan])}, "input 'x' holds a number that is not fin"),
    "not scalar": (lambda x: x * x, double, {"x": np.ones(3)}, "gives an array of shape \\(3,\\)"),
    "not finite": (lambda x: np.log(x).sum(), double, {"x": -np.ones(1)}, "gives nan at these"),
    "edge": (lambda x: np.log(x).sum(), double, {"x": np.full(1, 1e-6)}, "not finite 1e-05 beside"),
    "noise": (lambda x: square(x) + NOISE.normal(), double, {"x": np.ones(1)}, "and then.*dropout"),
    "single": (lambda x: square(x.astype(np.float32)), double, {"x": np.ones(2)}, "gives float32"),
    "complex": (lambda x: (x + 1j).sum(), double, {"x": np.ones(2)}, r"gives \(2\+2j\)"),
    "in place": (overwrite, double, {"x": np.ones(2)}, "function writes into its input 'x'"),
    "backward in place": (square, overwriting_gradient, {"x": np.ones(2)}, "gradient writes into"),
    "text": (square, lambda x: "2x", {"x": np.ones(2)}, "is a str; expected arrays for x"),
    "too few": (square, lambda x: (), {"x": np.ones(2)}, "is a tuple; expected arrays for x"),
    "unknown name": (square, lambda x: {"y": x}, {"x": np.ones(2)}, r"names \['y'\], but the inp"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_checked_is_said_in_one_line(case):
    function, gradient, inputs, said = BAD[case]
    with pytest.raises(ConfigError, match=said) as problem:
        check_gradients(function, gradient, inputs)
    assert "\n" not in str(problem.value)


def test_gradients_may_come_in_the_order_of_the_inputs():
    inputs = {"x": 2.0, "y": np.array(3.0)}
    assert check_gradients(lambda x, y: x * y, lambda x, y: (y, x), inputs).passed
    assert not check_gradients(lambda x, y: x * y, lambda x, y: [x, y], inputs).passed
    assert check_gradients(square, lambda x: 2 * x, {"x": np.ones(2)}).passed


def test_a_check_that_cannot_work_is_refused():
    with pytest.raises(ConfigError, match="needs 0 < h < 1"):
        Check(h=0.0)
