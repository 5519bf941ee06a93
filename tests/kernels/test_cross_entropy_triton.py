"""The fused rows of a cross-entropy are the equation: losses, and gradients in place of logits."""

import pytest
import torch
from torch.nn import functional as F

from practicum.kernels.cross_entropy_triton import loss_and_gradient, usable
from practicum.seeding import stream

IGNORED = -100


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [7, 4096, 50_257])
def test_in_triton_it_is_the_equation(triton_device: torch.device, dtype: torch.dtype, width: int):
    logits = torch.randn(33, width, generator=stream(0, "logits")).to(triton_device, dtype)
    targets = torch.randint(width, (33,), generator=stream(0, "targets")).to(triton_device)
    targets[5] = IGNORED
    plain = logits.double().requires_grad_()
    losses = F.cross_entropy(plain, targets, ignore_index=IGNORED, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), plain)
    ours = loss_and_gradient(logits, targets, IGNORED)
    torch.testing.assert_close(ours.double(), losses, rtol=1e-5, atol=1e-5)
    near = 1e-5 if dtype == torch.float32 else 4e-3
    torch.testing.assert_close(logits.double(), gradient, rtol=near, atol=near)


def test_without_a_gpu_it_is_not_used():
    assert not usable(torch.zeros(2, 3))
