"""Rows sorted by group, each group multiplied by a matrix of its own: yᵢ = W_g(i) xᵢ.

The rows of a group stand together, so a group is one product. Torch's grouped kernel does all of
them at once where it exists (half precision on recent GPUs). Elsewhere the groups are taken in turn
and written straight to where they belong, which on a CPU costs what one large product would. No
empty group is read, and none is refused.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.prepacked import inferring
from practicum.kernels.skinny import few_rows

HALF = (torch.bfloat16, torch.float16)


def grouped_linear_reference(
    x: Float[Tensor, "n d"], weight: Float[Tensor, "e f d"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "n f"]:
    """The equation, group by group. Judges `grouped_linear`."""
    groups = x.split(counts.tolist())
    return torch.cat([rows @ matrix.T for rows, matrix in zip(groups, weight, strict=True)])


def grouped_linear(
    x: Float[Tensor, "n d"], weight: Float[Tensor, "e f d"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "n f"]:
    """`grouped_linear_reference`, fast; the first counts[0] rows of x belong to group 0, and so on.

    `counts` sum to n. Differentiable once.
    """
    kind = x.device.type
    if torch.is_autocast_enabled(kind):  # which knows torch's own products only
        half = torch.get_autocast_dtype(kind)
        x, weight = x.to(half), weight.to(half)
    if inferring() and not _has_kernel(x, weight):
        y = x.new_empty(x.shape[0], weight.shape[1])
        for group, rows in segments(counts):
            y[rows] = few_rows(x[rows], weight[group], None)
        return y
    return _GroupedLinear.apply(x, weight, counts)


def segments(counts: Int[Tensor, " e"]) -> Iterator[tuple[int, slice]]:
    """Every group that has rows, and where they stand."""
    start = 0
    for group, count in enumerate(counts.tolist()):
        if count:
            yield group, slice(start, start + count)
        start += count


class _GroupedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, counts: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, counts)
        return _multiply(x, weight.mT, counts)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, counts = ctx.saved_tensors
        grad = grad_outputs[0].contiguous()
        want_x, want_weight, _ = ctx.needs_input_grad
        grad_x = _multiply(grad, weight, counts) if want_x else None
        return grad_x, _outer(grad, x, counts) if want_weight else None, None


def _multiply(
    x: Float[Tensor, "n i"], matrices: Float[Tensor, "e i o"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "n o"]:
    if _has_kernel(x, matrices):
        return F.grouped_mm(x, matrices, offs=counts.cumsum(0, dtype=torch.int32))
    y = x.new_empty(x.shape[0], matrices.shape[2])
    for group, rows in segments(counts):
        torch.mm(x[rows], matrices[group], out=y[rows])
    return y


def _outer(
    grad: Float[Tensor, "n f"], x: Float[Tensor, "n d"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "e f d"]:
    """Σ grad xᵀ over the rows of each group; zero for a group without rows."""
    if _has_kernel(x, grad):
        return F.grouped_mm(grad.T, x, offs=counts.cumsum(0, dtype=torch.int32))
    sums = x.new_empty(counts.shape[0], grad.shape[1], x.shape[1])
    sums[counts == 0] = 0
    for group, rows in segments(counts):
        torch.mm(grad[rows].T, x[rows], out=sums[group])
    return sums


def _has_kernel(x: Tensor, other: Tensor) -> bool:
    """Whether torch has one kernel for all groups, which asks for rows of whole 16 bytes."""
    if x.device.type != "cuda" or x.dtype not in HALF or x.dtype != other.dtype:
        return False
    widths = (*x.shape[1:], *other.shape[1:])
    whole = all(width * x.element_size() % 16 == 0 for width in widths)
    return whole and torch.cuda.get_device_capability(x.device) >= (8, 0)
