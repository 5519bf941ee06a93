"""Every activation's slope, and that its branches survive complex numbers."""

import numpy as np
import pytest
import torch

from practicum.autograd.activations import ACTIVATIONS

Z = np.array([-700.0, -30.0, -2.0, -0.3, 0.4, 1.7, 30.0, 700.0])
TORCH = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda z: 1.0 * z,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_torchs(name):
    z = torch.tensor(Z, requires_grad=True)
    a = TORCH[name](z)
    a.sum().backward()
    ours = ACTIVATIONS[name]
    np.testing.assert_allclose(ours.value(Z), a.detach(), rtol=1e-14, atol=1e-38)
    np.testing.assert_allclose(ours.slope(Z, ours.value(Z)), z.grad, rtol=1e-14, atol=1e-38)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_complex_step_gives_the_slope(name):
    z, f = Z[1:-1], ACTIVATIONS[name]
    step = f.value(z + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(step, f.slope(z, f.value(z)), rtol=1e-12, atol=1e-13)


def test_the_kink_of_relu_counts_as_off():
    zero, relu = np.zeros(1), ACTIVATIONS["relu"]
    assert relu.slope(zero, zero) == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_single_precision_stays_single_and_never_overflows(name):
    z = np.array([-1e4, 0.0, 1e4], np.float32)
    a = ACTIVATIONS[name].value(z)
    assert a.dtype == ACTIVATIONS[name].slope(z, a).dtype == np.float32
    assert np.isfinite(a).all()
