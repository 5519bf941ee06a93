"""HiPPO-LegS: the matrix, what it is for, and its normal plus low-rank form."""

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre
from scipy.integrate import solve_ivp

from practicum.errors import ConfigError
from practicum.kernels.hippo import legs, legs_modes


def test_the_matrix_of_four_numbers_is_that_of_the_paper():
    a, b = legs(4)
    roots = [1.0, 3**0.5, 5**0.5, 7**0.5]
    for n in range(4):
        for k in range(4):
            wanted = -roots[n] * roots[k] if n > k else -(n + 1.0) if n == k else 0.0
            assert a[n, k] == pytest.approx(wanted)
    assert b.tolist() == pytest.approx(roots)


def test_the_state_is_the_projection_of_the_past_on_legendre_polynomials():
    """With time warped, d/dt x = (A x + B u)/t, x_n(t) is the coefficient of u on [0, t]."""
    a, b = (part.numpy() for part in legs(6))
    signal = lambda t: np.sin(3 * t) + 0.3 * t
    start, end = 1e-4, 2.0
    first = np.zeros(6)
    first[0] = signal(start / 2)  # constant so far
    solved = solve_ivp(
        lambda t, x: (a @ x + b * signal(t)) / t, (start, end), first, rtol=1e-9, atol=1e-10
    )
    nodes, weights = legendre.leggauss(40)
    past = signal(end * (nodes + 1) / 2)
    for n in range(6):
        polynomial = legendre.Legendre.basis(n)(nodes) * (2 * n + 1) ** 0.5
        wanted = float((weights * past * polynomial).sum() / 2)
        assert solved.y[n, -1] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("state", [2, 16, 64, 256])
def test_the_modes_make_the_matrix_again(state: int):
    a, b = legs(state)
    modes = legs_modes(state)
    assert modes.poles.shape == (state // 2,)
    p = (torch.arange(state, dtype=torch.float64) + 0.5).sqrt()
    normal = 2 * ((modes.basis * modes.poles) @ modes.basis.mH).real
    assert (normal - torch.outer(p, p) - a).abs().max() <= 1e-10
    assert (2 * (modes.basis @ modes.input).real - b).abs().max() <= 1e-10
    assert (2 * (modes.basis @ modes.low_rank).real - p).abs().max() <= 1e-10


def test_modes_decay_alike_and_their_phases_are_fixed():
    modes = legs_modes(32)
    assert modes.poles.real.tolist() == [-0.5] * 16
    assert (modes.poles.imag.diff() > 0).all()
    assert (modes.poles.imag > 0).all()
    assert modes.low_rank.imag.abs().max() < 1e-12
    torch.testing.assert_close(modes.input, 2**0.5 * modes.low_rank)


@pytest.mark.parametrize("state", [0, 1, 7])
def test_a_state_without_pairs_is_refused(state: int):
    with pytest.raises(ConfigError, match="give an even one"):
        legs_modes(state)
