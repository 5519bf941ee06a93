import pytest
import torch
from torch.nn import functional as F

from practicum.kernels.cross_entropy_triton import loss_and_gradient, usable

IGNORED = -100


DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.skipif(not usable(torch.zeros(1, 1, device=DEVICE)), reason="needs a GPU and Triton")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [7, 4096, 50_257])
def test_the_kernel_is_the_equation(dtype, width):
    logits = torch.randn(33, width, device="cuda").to(dtype)
    targets = torch.randint(width, (33,), device="cuda")
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
