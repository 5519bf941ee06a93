"""Structured systems against dense ones, and those against scipy."""

import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete

from practicum.kernels.diagonal_system import DiagonalSystem
from practicum.kernels.hippo import legs, legs_modes
from practicum.kernels.long_convolution import long_convolution
from practicum.kernels.low_rank_system import LowRankSystem
from practicum.kernels.state_space import Discretisation, discretise, kernel_by_powers, states
from practicum.seeding import stream

STATE, LENGTH = 16, 256
STEPS = (1e-3, 1e-2, 1e-1)
WAYS: tuple[Discretisation, ...] = ("bilinear", "zoh")


def wide(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def row() -> torch.Tensor:
    return torch.randn(STATE, generator=stream(0, "c"), dtype=torch.float64)


def legs_system(step: float) -> tuple[LowRankSystem, torch.Tensor]:
    """HiPPO-LegS in diagonal plus low-rank form, and `row` in its coordinates."""
    modes = legs_modes(STATE)
    system = LowRankSystem(
        modes.poles[None], modes.low_rank[None], modes.input[None], wide(step)[None]
    )
    return system, (row().to(modes.basis.dtype) @ modes.basis)[None, None]


def random_system(channels: int = 3) -> LowRankSystem:
    def draw(name: str) -> torch.Tensor:
        shape = (channels, STATE // 2)
        return torch.randn(*shape, generator=stream(0, name), dtype=torch.complex128)

    frequency = draw("poles").real * 5
    poles = torch.complex(torch.full_like(frequency, -0.5), frequency)
    return LowRankSystem(poles, draw("p"), draw("b"), torch.tensor(STEPS, dtype=torch.float64))


def by_recurrence(system: LowRankSystem | DiagonalSystem, c: torch.Tensor, u: torch.Tensor):
    """y of rows of inputs (b, h, t), a step at a time."""
    x = torch.zeros(len(u), *system.poles.shape, dtype=system.poles.dtype)
    found = []
    for inputs in u.unbind(2):
        x = system.advance(x, inputs)
        found.append(2 * (c * x).real.sum(-1))
    return torch.stack(found, dim=2)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("step", STEPS)
def test_discretisation_is_that_of_scipy(how: Discretisation, step: float):
    a, b = legs(STATE)
    wanted = cont2discrete(
        (a.numpy(), b.numpy()[:, None], np.eye(STATE), np.zeros((STATE, 1))), step, how
    )
    found = discretise(a, b, wide(step), how)
    np.testing.assert_allclose(found[0].numpy(), wanted[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found[1].numpy(), wanted[1][:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("step", STEPS)
def test_the_kernel_is_that_of_powers_of_the_dense_hippo_matrix(step: float):
    a, b = discretise(*legs(STATE), wide(step), "bilinear")
    system, c = legs_system(step)
    for length in (LENGTH, 255, 3, 2, 1):
        found = system.kernel(system.truncated(c, length), length)[0, 0]
        assert (found - kernel_by_powers(a, b, row(), length)).abs().max() <= 1e-8


def test_the_kernel_is_right_in_single_precision_too():
    system, c = legs_system(1e-2)
    truncated = system.truncated(c, LENGTH)
    narrow = LowRankSystem(
        *(t.to(torch.complex64) for t in (system.poles, system.low_rank, system.input)),
        system.step.float(),
    )
    wanted = system.kernel(truncated, LENGTH)
    error = narrow.kernel(truncated.to(torch.complex64), LENGTH) - wanted
    assert error.abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("directions", [1, 2])
def test_convolution_is_the_recurrence_of_a_low_rank_system(directions: int):
    system = random_system()
    c = torch.randn(directions, 3, STATE // 2, generator=stream(0, "c"), dtype=torch.complex128)
    u = torch.randn(2, 3, 100, generator=stream(0, "u"), dtype=torch.float64)
    kernels = system.kernel(system.truncated(c, 100), 100)
    for kernel, own in zip(kernels, c, strict=True):
        torch.testing.assert_close(long_convolution(u, kernel), by_recurrence(system, own, u))


@pytest.mark.parametrize("how", WAYS)
def test_convolution_is_the_recurrence_of_a_diagonal_system(how: Discretisation):
    low_rank = random_system()
    system = DiagonalSystem(low_rank.poles, low_rank.step, how)
    u = torch.randn(2, 3, 100, generator=stream(0, "u"), dtype=torch.float64)
    kernel = system.kernel(low_rank.input[None], 100)[0]
    torch.testing.assert_close(
        long_convolution(u, kernel), by_recurrence(system, low_rank.input, u)
    )


@pytest.mark.parametrize("how", WAYS)
def test_a_diagonal_system_is_a_dense_one_in_pairs(how: Discretisation):
    """The mode λ with its conjugate is the real matrix [[Re λ, −Im λ], [Im λ, Re λ]]."""
    pole, c = complex(-0.3, 2.0), complex(0.7, -0.2)
    a = torch.tensor([[pole.real, -pole.imag], [pole.imag, pole.real]], dtype=torch.float64)
    b = torch.tensor([1.0, 0.0], dtype=torch.float64)
    dense = discretise(a, b, wide(0.1), how)
    wanted = kernel_by_powers(*dense, 2 * torch.tensor([c.real, -c.imag]).double(), 50)
    system = DiagonalSystem(torch.tensor([[pole]]).to(torch.complex128), wide(0.1)[None], how)
    found = system.kernel(torch.tensor([[[c]]]).to(torch.complex128), 50)
    torch.testing.assert_close(found[0, 0], wanted)


def test_truncation_is_undone():
    system = random_system()
    c = torch.randn(2, 3, STATE // 2, generator=stream(0, "c"), dtype=torch.complex128)
    torch.testing.assert_close(system.untruncated(system.truncated(c, 64), 64), c)


def test_the_dense_matrix_is_what_a_step_does():
    system = random_system()
    x = torch.randn(1, 3, STATE // 2, generator=stream(0, "x"), dtype=torch.complex128)
    moved = system.advance(x, torch.zeros(1, 3, dtype=torch.float64))
    pairs = torch.cat([x.real, x.imag], dim=-1)[0]
    found = (system.dense() @ pairs[..., None])[..., 0]
    torch.testing.assert_close(found, torch.cat([moved.real, moved.imag], dim=-1)[0])


def test_gradients_reach_every_part_of_a_low_rank_system():
    def kernel(poles, low_rank, drive, step, c):
        return LowRankSystem(poles, low_rank, drive, step).kernel(c, 6)

    whole = random_system(channels=3)
    parts = (whole.poles[:, :2], whole.low_rank[:, :2], whole.input[:, :2], whole.step)
    inputs = [part.clone().requires_grad_() for part in (*parts, whole.input[None, :, 2:4])]
    assert torch.autograd.gradcheck(kernel, inputs)


def test_states_are_those_whose_outputs_are_the_convolution():
    a, b = discretise(*legs(STATE), wide(0.01), "zoh")
    u = torch.randn(2, 40, generator=stream(0, "u"), dtype=torch.float64)
    kernel = kernel_by_powers(a, b, row(), 40)
    torch.testing.assert_close(
        states(a, b, u) @ row(), long_convolution(u[:, None], kernel[None])[:, 0]
    )
