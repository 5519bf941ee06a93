"""In Triton the product for many groups of rows is the loop over the groups, gradients included."""

import pytest
import torch
from torch import Tensor

from practicum.kernels import grouped_linear_triton as kernels
from practicum.kernels.grouped_linear import grouped_linear_reference
from practicum.kernels.grouped_linear_triton import grouped_linear_triton, usable
from practicum.seeding import stream

COUNTS = {
    "even": [16, 16, 16],
    "uneven": [1, 40, 18],
    "empty groups": [0, 23, 0, 0, 33, 0],
    "one group": [37],
    "more groups than rows": [0, 1, 0, 0, 2, 0, 0, 0, 1],
    "none has rows": [0, 0],
}
WIDTHS = {"whole tiles": (64, 128), "parts of tiles": (37, 75)}


def operands(counts: list[int], widths: tuple[int, int], like: Tensor) -> tuple[Tensor, ...]:
    """Rows, matrices and counts, with small whole numbers that every precision can add."""
    (d, f), groups = widths, len(counts)
    shapes = {"x": (sum(counts), d), "w": (groups, f, d)}
    x, weight = (
        torch.randint(-3, 4, shape, generator=stream(0, name)).to(like).requires_grad_()
        for name, shape in shapes.items()
    )
    return x, weight, torch.tensor(counts, device=like.device)


def everything(y: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    """The outputs and the gradients of a fixed mixture of them."""
    by = torch.randint(-3, 4, y.shape, generator=stream(0, "by")).to(y)
    return y, *torch.autograd.grad((y * by).sum(), (x, weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("widths", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS.keys())
def test_the_kernels_are_the_loop_over_groups(
    triton_device: torch.device, counts: list[int], widths: tuple[int, int], dtype: torch.dtype
):
    if dtype == torch.bfloat16 and triton_device.type == "cpu":
        pytest.skip("the interpreter multiplies the bits of bfloat16 as if they were whole numbers")
    x, weight, groups = operands(counts, widths, torch.empty(0, dtype=dtype, device=triton_device))
    ours = everything(grouped_linear_triton(x, weight, groups), x, weight)
    wide, matrices = (part.detach().double().requires_grad_() for part in (x, weight))
    theirs = everything(grouped_linear_reference(wide, matrices, groups), wide, matrices)
    # sums are whole numbers below 2²⁴, thus exact; what is stored in half precision is rounded
    near = {torch.float32: 0.0, torch.bfloat16: 2**-7, torch.float16: 2**-10}[dtype]
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, rtol=near, atol=0)


@pytest.mark.parametrize("rows", [16, 128])
def test_tiles_of_any_height_give_the_same(
    triton_device: torch.device, rows: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kernels, "FEWEST", rows)
    monkeypatch.setattr(kernels, "MOST", rows)
    x, weight, groups = operands([5, 0, 150, 20], (33, 70), torch.empty(0, device=triton_device))
    ours = everything(grouped_linear_triton(x, weight, groups), x, weight)
    theirs = everything(grouped_linear_reference(x, weight, groups), x, weight)
    assert all(map(torch.equal, ours, theirs))


def test_there_are_programs_enough_for_any_counts():
    for rows in (1, 4, 7):
        for counts in ([0, 0, 13], [1, 1, 11], [4, 4, 5], [7, 7, 7], [8, 8, 8], [1, 0, 0], [0, 0]):
            n, groups = sum(counts), len(counts)
            needed = sum(-(-count // rows) for count in counts)
            assert needed <= n // rows + min(n, groups)


def test_only_what_is_wanted_is_differentiated(triton_device: torch.device):
    x, weight, groups = operands([2, 4], (3, 4), torch.empty(0, device=triton_device))
    grouped_linear_triton(x.detach(), weight, groups).sum().backward()
    assert (x.grad, weight.grad is None) == (None, False)
    weight.grad = None
    grouped_linear_triton(x, weight.detach(), groups).sum().backward()
    assert (x.grad is None, weight.grad) == (False, None)


def test_the_memory_of_operands_and_gradients_may_be_in_any_order(triton_device: torch.device):
    x, weight, groups = operands([2, 4], (6, 5), torch.empty(0, device=triton_device))
    turned, matrices = x.detach().T.contiguous().T, weight.detach().mT.contiguous().mT
    operands_of = {grouped_linear_reference: (x, weight)}
    operands_of[grouped_linear_triton] = (turned.requires_grad_(), matrices.requires_grad_())
    theirs, ours = (
        (y := product(*given, groups), *torch.autograd.grad(y.sum(), given))
        for product, given in operands_of.items()
    )
    assert all(map(torch.equal, ours, theirs))


def test_the_kernels_are_for_a_gpu_and_for_one_precision(triton_device: torch.device):
    x, weight, _ = operands([2, 4], (3, 4), torch.empty(0, device=triton_device))
    assert usable(x, weight) == (triton_device.type == "cuda")
    assert not usable(x.double(), weight.double())
    assert not usable(x.bfloat16(), weight)


def test_without_a_gpu_the_kernels_say_no():
    assert not usable(torch.zeros(2, 3), torch.zeros(1, 4, 3))
