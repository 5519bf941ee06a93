"""Convolution by the Fourier transform is the sum it stands for."""

import numpy as np
import pytest
import torch

from practicum.kernels.long_convolution import (
    fast_length,
    long_convolution,
    long_convolution_reference,
)
from practicum.seeding import stream


def draw(name: str, *shape: int) -> torch.Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)
    return made.requires_grad_()


@pytest.mark.parametrize("two_sided", [False, True])
@pytest.mark.parametrize("t", [1, 2, 7, 64, 97])
def test_a_long_convolution_is_the_sum(t: int, two_sided: bool):
    inputs = [draw("u", 2, 3, t), draw("kernel", 3, t)]
    inputs += [draw("backward", 3, t)] if two_sided else []
    ours, theirs = long_convolution(*inputs), long_convolution_reference(*inputs)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), inputs),
        torch.autograd.grad(theirs.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_the_sum_is_that_of_numpy():
    u, kernel = draw("u", 1, 1, 20).detach(), draw("kernel", 1, 20).detach()
    wanted = np.convolve(u[0, 0].numpy(), kernel[0].numpy())[:20]
    np.testing.assert_allclose(long_convolution(u, kernel)[0, 0].numpy(), wanted, atol=1e-12)


def test_nothing_comes_round():
    u, kernel = torch.zeros(1, 1, 8), torch.ones(1, 8)
    u[..., -1] = 1.0  # at the end: a circular convolution would say it at the start too
    found = long_convolution(u, kernel)[0, 0]
    torch.testing.assert_close(found, u[0, 0])


def test_half_precision_keeps_its_type():
    u = draw("u", 1, 2, 16).bfloat16()
    found = long_convolution(u, draw("kernel", 2, 16).float())
    assert found.dtype == torch.bfloat16


def test_lengths_are_even_and_made_of_small_primes():
    assert [fast_length(n) for n in (1, 2, 7, 14, 22, 1023, 1994)] == [2, 2, 8, 16, 24, 1024, 2000]
