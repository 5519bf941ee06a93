"""The four equations against torch: the digit networks, random ones, batched and one by one."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
import torch
from scipy.optimize import approx_fprime
from torch import nn
from torch.nn import functional as F

from practicum.autograd.activations import ACTIVATIONS, IDENTITY, RELU, SIGMOID, TANH
from practicum.autograd.costs import SoftmaxCrossEntropy, SummedSquares, one_hot
from practicum.autograd.differences import forward_mode
from practicum.autograd.layers import Layered, Place, forward, sum_over_paths
from practicum.errors import ConfigError

TORCH = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "identity": nn.Identity}
DIGITS = Layered(widths=(64, 16, 16, 10), activations=(SIGMOID,) * 3)
MNIST = Layered(widths=(784, 16, 16, 10), activations=(SIGMOID,) * 3)


def twin(network: Layered, vector: np.ndarray) -> nn.Sequential:
    """The same network in torch with the same parameters."""
    model = nn.Sequential()
    for (inputs, outputs), activation in zip(
        pairwise(network.widths), network.activations, strict=True
    ):
        model.extend([nn.Linear(inputs, outputs).double(), TORCH[activation.name]()])
    nn.utils.vector_to_parameters(torch.from_numpy(vector.copy()), model.parameters())
    return model


def torchs_gradient(network: Layered, vector, x, y) -> np.ndarray:
    model, target = twin(network, vector), torch.from_numpy(y)
    a = model(torch.from_numpy(x))
    squares = isinstance(network.cost, SummedSquares)
    cost = ((a - target) ** 2).sum(1).mean() if squares else F.cross_entropy(a, target)
    cost.backward()
    return nn.utils.parameters_to_vector([p.grad for p in model.parameters()]).numpy()


def problem(network: Layered, seed: int, n: int = 20):
    """Parameters, inputs and one-hot targets."""
    draw = np.random.default_rng(seed)
    vector = draw.normal(size=network.size) / 2
    x = draw.uniform(size=(n, network.widths[0]))
    return vector, x, one_hot(draw.integers(network.widths[-1], size=n), network.widths[-1])


def random_network(seed: int) -> Layered:
    """2 to 5 layers of 1 to 20 neurons, mixed activations; every third with cross-entropy."""
    draw = np.random.default_rng(seed)
    widths = tuple(map(int, draw.integers(1, 21, size=draw.integers(3, 7))))
    names = draw.choice(list(ACTIVATIONS), size=len(widths) - 1)
    activations = tuple(ACTIVATIONS[name] for name in names)
    if seed % 3:
        return Layered(widths=widths, activations=activations)
    softmax = (*activations[:-1], IDENTITY)
    return Layered(widths=widths, activations=softmax, cost=SoftmaxCrossEntropy())


NETWORKS = {"digits": DIGITS, "mnist": MNIST, **{f"r{n}": random_network(n) for n in range(20)}}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_of_a_batch_is_torchs(name):
    network = NETWORKS[name]
    vector, x, y = problem(network, seed=1)
    ours, theirs = network.gradient(vector, x, y), torchs_gradient(network, vector, x, y)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_equations_as_written_are_torchs_for_one_example(name):
    network = NETWORKS[name]
    vector, x, y = problem(network, seed=2, n=1)
    ours = network.gradient_reference(vector, x[0], y[0])
    theirs = torchs_gradient(network, vector, x, y)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-15)


def test_a_batch_is_the_mean_of_its_examples():
    vector, x, y = problem(DIGITS, seed=3)
    each = [DIGITS.gradient_reference(vector, *example) for example in zip(x, y, strict=True)]
    np.testing.assert_allclose(
        DIGITS.gradient(vector, x, y), np.mean(each, axis=0), rtol=1e-12, atol=1e-17
    )


@pytest.mark.parametrize("name", ["digits", "r0", "r1", "r2"])
def test_a_complex_step_gives_the_gradient(name):
    network = NETWORKS[name]
    vector, x, y = problem(network, seed=4)
    gradient = network.gradient(vector, x, y)
    for index in np.random.default_rng(0).integers(network.size, size=20):
        moved = vector.astype(complex)
        moved[index] += 1e-30j
        step = np.imag(network.mean_cost(moved, x, y)) / 1e-30
        np.testing.assert_allclose(gradient[index], step, rtol=1e-10, atol=1e-15)


def test_the_outputs_are_torchs():
    vector, x, _ = problem(MNIST, seed=5)
    theirs = twin(MNIST, vector)(torch.from_numpy(x)).detach()
    np.testing.assert_allclose(MNIST.trace(vector, x).a[-1], theirs, rtol=1e-12)


def test_the_digit_networks_have_the_videos_counts():
    assert (DIGITS.size, MNIST.size) == (1_482, 13_002)
    assert Layered(widths=(1, 1, 1, 1), activations=(SIGMOID,) * 3).size == 6


def test_the_parts_are_views_of_the_vector_in_torchs_order():
    vector, _, _ = problem(DIGITS, seed=6)
    weights, biases = DIGITS.split(vector)
    joined = [part.ravel() for pair in zip(weights, biases, strict=True) for part in pair]
    np.testing.assert_array_equal(np.concatenate(joined), vector)
    weights[1][3, 5] = 7.0
    assert vector[1040 + 3 * 16 + 5] == 7.0
    assert DIGITS.place(1040 + 3 * 16 + 5) == Place("w", 2, 3, 5)
    assert DIGITS.place(1039) == Place("b", 1, 15, None)


def test_scaled_parameters_have_zero_biases_and_unit_ones_do_not():
    scaled = MNIST.split(MNIST.start(np.random.default_rng(0), "scaled"))
    unit = MNIST.split(MNIST.start(np.random.default_rng(0), "unit"))
    np.testing.assert_allclose(scaled[0][0] * 28, unit[0][0])
    assert not np.any(scaled[1][0])
    assert np.all(unit[1][0])


def test_an_explicit_sum_over_neurons_is_the_matrix_product():
    draw = np.random.default_rng(10)
    weight, delta = draw.normal(size=(3, 2)), draw.normal(size=3)
    summed = [sum(weight[j, k] * delta[j] for j in range(3)) for k in range(2)]
    np.testing.assert_allclose(sum_over_paths(weight, delta), summed)
    (z,), (_, a) = forward([weight], [draw.normal(size=3)], [TANH], draw.normal(size=2))
    np.testing.assert_allclose(a, np.tanh(z))


def test_the_chain_of_the_video_is_what_algebra_and_dual_numbers_say():
    chain = Layered(widths=(1, 1, 1, 1), activations=(SIGMOID, TANH, SIGMOID))
    numbers, x, y = np.random.default_rng(11).normal(size=6), 0.7, 0.2

    def cost(p, exp, tanh):
        a = 1 / (1 + exp(-(p[0] * x + p[1])))
        a = 1 / (1 + exp(-(p[4] * tanh(p[2] * a + p[3]) + p[5])))
        return (a - y) ** 2

    letters = sympy.symbols("w1 b1 w2 b2 w3 b3")
    formula = cost(letters, sympy.exp, sympy.tanh)
    at = dict(zip(letters, numbers, strict=True))
    algebra = [float(sympy.diff(formula, letter).subs(at)) for letter in letters]
    ours = chain.gradient_reference(numbers, np.array([x]), np.array([y]))
    np.testing.assert_allclose(ours, algebra, rtol=1e-10)
    dual = forward_mode(lambda p: cost(p, np.exp, np.tanh), numbers)
    np.testing.assert_allclose(ours, dual, rtol=1e-12)


def test_scipys_differences_agree_as_far_as_they_can():
    vector, x, y = problem(DIGITS, seed=12)
    theirs = approx_fprime(vector, lambda at: DIGITS.mean_cost(at, x, y), 1e-7)
    np.testing.assert_allclose(DIGITS.gradient(vector, x, y), theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("widths", "activations"), [((3,), ()), ((3, 0), (RELU,)), ((3, 2), (RELU, RELU))]
)
def test_impossible_networks_are_refused(widths, activations):
    with pytest.raises(ConfigError):
        Layered(widths=widths, activations=activations)


def test_a_place_beyond_the_parameters_is_refused():
    with pytest.raises(ConfigError, match="1482"):
        DIGITS.place(1482)
