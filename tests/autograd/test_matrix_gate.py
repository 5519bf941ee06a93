"""The matrix gate, and the shapes that leave no choice."""

import numpy as np
import pytest
import torch

from practicum.autograd.matrix_gate import arrangements, matrix_gate, matrix_gate_backward
from practicum.errors import ConfigError

draw = np.random.default_rng(3).normal
W, X, dD = draw(size=(5, 10)), draw(size=(10, 3)), draw(size=(5, 3))


def test_the_backward_pass_is_torchs():
    w, x = (torch.tensor(each, requires_grad=True) for each in (W, X))
    (w @ x).backward(torch.tensor(dD))
    dW, dX = matrix_gate_backward(dD, W, X)
    np.testing.assert_allclose(matrix_gate(W, X), (w @ x).detach())
    np.testing.assert_allclose(dW, w.grad, rtol=1e-12)
    np.testing.assert_allclose(dX, x.grad, rtol=1e-12)


def test_only_one_arrangement_has_the_right_shape():
    dW, dX = matrix_gate_backward(dD, W, X)
    for shape, other, name, right in ((W.shape, X, "dD Xᵀ", dW), (X.shape, W, "Wᵀ dD", dX)):
        found = arrangements(shape, ("dD", dD), (name.replace("dD", "").strip(" ᵀ"), other))
        assert list(found) == [name]
        np.testing.assert_array_equal(found[name], right)


def test_square_matrices_leave_a_choice():
    square = draw(size=(4, 4))
    assert len(arrangements((4, 4), ("dD", square), ("X", square))) == 8


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"W of shape \(5, 10\).* X needs 10 rows"):
        matrix_gate(W, X.T)
    with pytest.raises(ConfigError, match=r"has shape \(3, 5\); D = W X has shape \(5, 3\)"):
        matrix_gate_backward(dD.T, W, X)
