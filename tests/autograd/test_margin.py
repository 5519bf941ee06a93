"""The max-margin loss: by hand, in both engines, and a training that says where it ends."""

import math

import numpy as np
import pytest

from practicum.autograd.array_neurons import ArrayMLP
from practicum.autograd.arrays import Array
from practicum.autograd.margin import learn_margin, margin_of_arrays, margin_of_values
from practicum.autograd.neurons import MLP, ValueMLP

NETWORK = MLP(inputs=2, widths=(4, 1))
X, Y = np.random.default_rng(0).normal(size=(6, 2)), np.array([1.0, -1, 1, -1, 1, -1])


def drawn(description=NETWORK):
    return ArrayMLP(description, generator=np.random.default_rng(1))


def test_the_loss_is_the_mean_hinge_and_every_parameter_s_square_once():
    network = drawn(MLP(inputs=2, widths=(1,)))
    scores = (X @ network.weights[0].data)[:, 0]
    expected = np.maximum(0, 1 - Y * scores).mean() + 0.5 * (network.weights[0].data ** 2).sum()
    found = margin_of_arrays(network, Array(X), Y, decay=0.5)
    assert found.data.item() == pytest.approx(expected, rel=1e-12)


def test_both_engines_have_one_loss_and_one_gradient():
    values, arrays = ValueMLP(NETWORK, generator=np.random.default_rng(1)), drawn()
    one = margin_of_values(values, X.tolist(), Y.tolist(), decay=0.1)
    two = margin_of_arrays(arrays, Array(X), Y, decay=0.1)
    one.backward()
    two.backward()
    assert one.data == pytest.approx(two.data.item(), rel=1e-12)
    biases = [neuron.bias.grad for layer in values.layers for neuron in layer.neurons]
    np.testing.assert_allclose(np.concatenate([b.grad for b in arrays.biases]), biases, rtol=1e-9)


def test_training_lowers_the_loss_and_a_gradient_that_piles_up_takes_another_path():
    rates = [0.1] * 30
    fresh = learn_margin(drawn(), Array(X), Y, rates=rates, decay=1e-4)
    piled = learn_margin(drawn(), Array(X), Y, rates=rates, decay=1e-4, zero_grad=False)
    assert len(fresh) == len(piled) == 31
    assert fresh[-1] < fresh[0]
    assert fresh[:2] == piled[:2], "the first step is the same"
    assert fresh[2] != piled[2]


def test_a_loss_that_is_not_finite_is_the_last_one():
    losses = learn_margin(drawn(), Array(X), Y, rates=[1e200] * 9, decay=1e-4)
    assert not math.isfinite(losses[-1])
    assert all(map(math.isfinite, losses[:-1]))
    assert len(losses) < 10
