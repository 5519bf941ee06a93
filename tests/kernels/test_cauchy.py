"""Sums over conjugate pairs: the fast versions against their equations, values and gradients."""

import pytest
import torch

from practicum.kernels.cauchy import cauchy, cauchy_reference
from practicum.kernels.vandermonde import vandermonde, vandermonde_reference
from practicum.seeding import stream


def draw(name: str, *shape: int) -> torch.Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.complex128)
    return made.requires_grad_()


def points(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    half = torch.linspace(0, torch.pi / 2, count, dtype=torch.float64)
    return 2j * half.sin(), half.cos()


def same_gradients(ours, theirs, inputs):
    weights = torch.randn(ours.shape, generator=stream(0, "weights"), dtype=torch.float64)
    for mine, other in zip(
        torch.autograd.grad((ours.abs() * weights).sum(), inputs, retain_graph=True),
        torch.autograd.grad((theirs.abs() * weights).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("count", [1, 2, 37])
@pytest.mark.parametrize("chunk", [1, 700, 2**26])
def test_a_cauchy_product_is_the_equation(count: int, chunk: int, monkeypatch):
    monkeypatch.setattr("practicum.kernels.cauchy.CHUNK_BYTES", chunk)
    vectors, poles = draw("vectors", 3, 5, 4), draw("poles", 3, 4)
    p, q = points(count)
    ours, theirs = cauchy(vectors, poles, p, q), cauchy_reference(vectors, poles, p, q)
    torch.testing.assert_close(ours, theirs)
    same_gradients(ours, theirs, (vectors, poles))


def test_a_cauchy_product_is_a_sum_of_fractions_over_z_minus_pole():
    vectors, poles = draw("vectors", 1, 1, 3), draw("poles", 1, 3)
    z = torch.tensor([0.3 + 2.0j, -1.0j], dtype=torch.complex128)
    found = cauchy(vectors, poles, z, torch.ones(2, dtype=torch.float64))
    for place, point in enumerate(z):
        wanted = sum(
            v / (point - x) + v.conj() / (point - x.conj())
            for v, x in zip(vectors[0, 0], poles[0], strict=True)
        )
        torch.testing.assert_close(found[0, 0, place], wanted)


def test_a_pole_near_the_axis_costs_no_digits_in_single_precision():
    """Frequencies beyond 1,000 with a decay of ½, as HiPPO has them."""
    poles = torch.complex(torch.full((1, 4), -0.5), torch.tensor([[1.0, 90.0, 600.0, 1300.0]]))
    z = poles.imag[0] * 1j + 0.25j
    ones = torch.ones(1, 1, 4, dtype=torch.complex64)
    found = cauchy(ones, poles, z, torch.ones(4))
    wide = [t.to(torch.complex128) for t in (ones, poles, z)]
    wanted = cauchy_reference(*wide, torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(found.to(wanted.dtype), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 3, 10, 64, 101])
def test_a_vandermonde_product_is_the_equation(length: int):
    vectors, logs = draw("vectors", 3, 2, 4), draw("logs", 3, 4)
    logs = torch.complex(-logs.real.abs() / 10, logs.imag)
    ours = vandermonde(vectors, logs, length)
    theirs = vandermonde_reference(vectors, logs, length)
    torch.testing.assert_close(ours, theirs)
    same_gradients(ours, theirs, (vectors, logs))
