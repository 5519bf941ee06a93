"""One product for many groups of rows is the loop over the groups: values and gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.grouped_linear import grouped_linear, grouped_linear_reference
from practicum.seeding import stream

COUNTS = {
    "even": [4, 4, 4],
    "uneven": [1, 9, 2],
    "an empty group at either end": [0, 12, 0],
    "nothing": [0, 0, 0],
}


def draw(name: str, *shape: int) -> Tensor:
    made = torch.randn(*shape, generator=stream(0, name), dtype=torch.float64)
    return made.requires_grad_()


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
def test_the_fast_product_is_the_loop_and_so_are_its_gradients(counts: list[int]):
    n = sum(counts)
    x, weight, groups = draw("x", n, 5), draw("w", 3, 7, 5), torch.tensor(counts)
    fast, slow = (f(x, weight, groups) for f in (grouped_linear, grouped_linear_reference))
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    by = draw("by", n, 7).detach()
    for ours, theirs in zip(
        torch.autograd.grad((fast * by).sum(), (x, weight)),
        torch.autograd.grad((slow * by).sum(), (x, weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_its_gradients_are_the_differences():
    x, weight = draw("x", 6, 3), draw("w", 3, 4, 3)
    counts = torch.tensor([2, 0, 4])
    assert torch.autograd.gradcheck(lambda x, w: grouped_linear(x, w, counts), (x, weight))


def test_only_what_is_wanted_is_differentiated():
    x, weight = draw("x", 6, 3), draw("w", 2, 4, 3)
    counts = torch.tensor([2, 4])
    grouped_linear(x.detach(), weight, counts).sum().backward()
    grouped_linear(x, weight.detach(), counts).sum().backward()
    assert x.grad is not None
    assert weight.grad is not None


@pytest.mark.parametrize("counts", [[1, 0, 2], [3, 17, 1]])
def test_reading_without_gradients_gives_the_same(counts: list[int]):
    x, weight = draw("x", sum(counts), 8).float(), draw("w", 3, 6, 8).float()
    groups = torch.tensor(counts)
    wanted = grouped_linear(x, weight, groups)
    with torch.inference_mode():
        torch.testing.assert_close(grouped_linear(x, weight, groups), wanted)


def test_gradients_that_are_not_contiguous_are_taken():
    x, weight, counts = draw("x", 6, 3), draw("w", 2, 4, 3), torch.tensor([2, 4])
    (given,) = torch.autograd.grad(grouped_linear(x, weight, counts).sum(), weight)
    (whole,) = torch.autograd.grad(
        grouped_linear(x, weight, counts), weight, torch.ones(6, 4).double()
    )
    torch.testing.assert_close(given, whole)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch's grouped kernel needs a GPU")
@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
def test_the_grouped_kernel_is_the_loop(counts: list[int]):
    x, weight = (
        t.detach().cuda().bfloat16().requires_grad_()
        for t in (draw("x", sum(counts), 16), draw("w", 3, 24, 16))
    )
    groups = torch.tensor(counts, device="cuda")
    fast, slow = (f(x, weight, groups) for f in (grouped_linear, grouped_linear_reference))
    torch.testing.assert_close(fast, slow)
    for ours, theirs in zip(
        torch.autograd.grad(fast.float().square().sum(), (x, weight)),
        torch.autograd.grad(slow.float().square().sum(), (x, weight)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=2e-2, atol=2e-2)


def test_autocast_chooses_the_precision_as_for_any_product():
    x, weight, counts = draw("x", 6, 3).float(), draw("w", 2, 4, 3).float(), torch.tensor([2, 4])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert grouped_linear(x, weight, counts).dtype == torch.bfloat16
        assert F.linear(x, weight[0]).dtype == torch.bfloat16
