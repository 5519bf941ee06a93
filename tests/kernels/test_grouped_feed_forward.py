"""Feed-forwards of groups of rows in one node are those made product by product."""

import pytest
import torch
from torch import Tensor

from practicum.kernels.gated import gated
from practicum.kernels.grouped_feed_forward import (
    grouped_feed_forward,
    grouped_feed_forward_reference,
)
from practicum.kernels.grouped_linear import grouped_linear
from practicum.seeding import stream

COUNTS = {
    "even": [4, 4, 4],
    "uneven": [1, 40, 2],
    "an empty group at either end": [0, 12, 0],
    "nothing": [0, 0, 0],
}
Operands = tuple[Tensor, Tensor, Tensor]


def operands(n: int, dtype: torch.dtype = torch.float64) -> Operands:
    """Rows of width 5 and the matrices of three groups with 7 hidden units."""
    shapes = {"x": (n, 5), "up": (3, 14, 5), "down": (3, 5, 7)}
    x, up, down = (
        torch.randn(shape, generator=stream(0, name), dtype=dtype).requires_grad_()
        for name, shape in shapes.items()
    )
    return x, up, down


def by_parts(x: Tensor, up: Tensor, down: Tensor, counts: Tensor) -> Tensor:
    return grouped_linear(gated(grouped_linear(x, up, counts), "silu"), down, counts)


def everything(y: Tensor, given: Operands) -> tuple[Tensor, ...]:
    """The outputs and the gradients of a fixed mixture of them."""
    by = torch.randn(y.shape, generator=stream(0, "by"), dtype=torch.float64).to(y.dtype)
    return y, *torch.autograd.grad((y * by).sum(), given)


@pytest.mark.parametrize("other", [grouped_feed_forward_reference, by_parts])
@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
@pytest.mark.parametrize(
    ("dtype", "within"), [(torch.float64, 1e-11), (torch.float32, 2e-5), (torch.bfloat16, 0.2)]
)
def test_one_node_is_the_products_in_turn(counts, dtype, within, other):
    given, groups = operands(sum(counts), dtype), torch.tensor(counts)
    ours = everything(grouped_feed_forward(*given, groups), given)
    theirs = everything(other(*given, groups), given)
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=within, atol=within * (1 + sum(counts)) ** 0.5)


def test_its_gradients_are_the_differences():
    counts = torch.tensor([2, 0, 4])
    assert torch.autograd.gradcheck(
        lambda *given: grouped_feed_forward(*given, counts), operands(6)
    )


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_only_what_is_wanted_is_differentiated(wanted: int):
    given, counts = operands(6), torch.tensor([2, 0, 4])
    (expected,) = torch.autograd.grad(grouped_feed_forward(*given, counts).sum(), given[wanted])
    alone = [part if i == wanted else part.detach() for i, part in enumerate(given)]
    (grad,) = torch.autograd.grad(grouped_feed_forward(*alone, counts).sum(), given[wanted])
    assert torch.equal(grad, expected)


def test_gradients_that_are_not_contiguous_are_taken():
    given, counts = operands(6), torch.tensor([2, 0, 4])
    y = grouped_feed_forward(*given, counts)
    one = torch.autograd.grad(y, given, torch.ones(1, 1).double().expand(6, 5), retain_graph=True)
    assert all(map(torch.equal, one, torch.autograd.grad(y, given, torch.ones(6, 5).double())))


def test_reading_without_gradients_gives_the_same():
    given, counts = operands(43, torch.float32), torch.tensor([1, 40, 2])
    wanted = grouped_feed_forward(*given, counts)
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            torch.testing.assert_close(grouped_feed_forward(*given, counts), wanted)


def test_autocast_chooses_the_precision_as_for_any_product():
    given, counts = operands(6, torch.float32), torch.tensor([2, 0, 4])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = grouped_feed_forward(*given, counts)
    assert y.dtype == torch.bfloat16
    assert torch.autograd.grad(y.sum(), given[1])[0].dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_on_a_gpu_it_is_the_equation(dtype: torch.dtype):
    given = [part.detach().cuda().to(dtype).requires_grad_() for part in operands(43)]
    wide = [part.detach().double().requires_grad_() for part in given]
    counts = torch.tensor([1, 40, 2], device="cuda")
    ours = everything(grouped_feed_forward(*given, counts), tuple(given))
    theirs = everything(grouped_feed_forward_reference(*wide, counts), tuple(wide))
    near = 1e-4 if dtype == torch.float32 else 5e-2
    for one, two in zip(ours, theirs, strict=True):
        assert (one - two).abs().max() <= near * two.abs().max()
