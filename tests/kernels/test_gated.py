"""Gated units are their equation, with its gradient."""

from typing import get_args

import pytest
import torch

from practicum.kernels.activations import Activation
from practicum.kernels.gated import gated, gated_reference
from practicum.seeding import stream


@pytest.mark.parametrize("name", get_args(Activation))
def test_the_fast_version_is_the_equation(name: Activation):
    hidden = torch.randn(3, 5, 8, generator=stream(0, "hidden"), dtype=torch.float64)
    hidden.requires_grad_()
    fast, slow = gated(hidden, name), gated_reference(hidden, name)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    by = torch.randn(3, 5, 4, generator=stream(0, "by"), dtype=torch.float64)
    ours, theirs = (torch.autograd.grad((y * by).sum(), hidden)[0] for y in (fast, slow))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
