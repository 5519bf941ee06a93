"""The slopes of the costs, against torch, and where their logarithms could overflow."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from practicum.autograd.costs import Output, SoftmaxCrossEntropy, SummedSquares, one_hot, softmax

A = np.random.default_rng(0).normal(size=(5, 4))
Y = one_hot(np.array([0, 3, 1, 1, 2]), 4)
COSTS = {
    "squares": (SummedSquares(), lambda a, y: ((a - y) ** 2).sum(1)),
    "entropy": (SoftmaxCrossEntropy(), lambda a, y: F.cross_entropy(a, y, reduction="none")),
    "output": (Output(3), lambda a, y: a[:, 3]),
}


@pytest.mark.parametrize("name", COSTS)
def test_values_and_slopes_are_torchs(name):
    ours, theirs = COSTS[name]
    a = torch.tensor(A, requires_grad=True)
    value = theirs(a, torch.tensor(Y))
    value.sum().backward()
    np.testing.assert_allclose(ours.value(A, Y), value.detach(), rtol=1e-13)
    np.testing.assert_allclose(ours.slope(A, Y), a.grad, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", COSTS)
def test_one_example_is_a_row_of_several(name):
    cost, _ = COSTS[name]
    np.testing.assert_allclose(cost.value(A[1], Y[1]), cost.value(A, Y)[1], rtol=1e-15)
    np.testing.assert_allclose(cost.slope(A[1], Y[1]), cost.slope(A, Y)[1], rtol=1e-15)


@pytest.mark.parametrize("name", COSTS)
def test_a_complex_step_gives_the_slope(name):
    cost, _ = COSTS[name]
    for j in range(4):
        moved = A + 1e-30j * (np.arange(4) == j)
        slopes = cost.value(moved, Y).imag / 1e-30
        np.testing.assert_allclose(slopes, cost.slope(A, Y)[:, j], rtol=1e-12, atol=1e-15)


def test_softmax_of_huge_scores_is_finite():
    np.testing.assert_array_equal(softmax(np.array([1e4, 0.0, -1e4])), [1.0, 0.0, 0.0])
    assert SoftmaxCrossEntropy().value(np.array([1e4, 0.0]), np.array([0.0, 1.0])) == 1e4
