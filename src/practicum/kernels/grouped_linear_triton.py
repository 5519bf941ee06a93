"""Rows sorted by group times a matrix per group, in two Triton kernels: yᵢ = W_g(i) xᵢ.

A program of the first owns a tile of rows of one group and of outputs. How many tiles a group has
is known on the GPU alone: there are as many programs as n rows in e groups can need at most,
⌊n / rows of a tile⌋ + e, each finds its tile in the running sum of the groups' own, and those past
the last have nothing to do. So nothing waits for a number to reach the host. The gradient of x is
the same kernel with the matrices transposed; that of W sums the rows of a group, Σ grad xᵀ, a
program for a tile of each matrix. Sums are in float32, whatever the precision of the factors; how
float32 itself is multiplied says `torch.backends.cuda.matmul.allow_tf32`, as it does for torch.

Without Triton this file can be imported, and `usable` says no.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.kernels.triton_language import constexpr, kernel, tl, triton

FEWEST, MOST = 16, 128  # rows of a tile: what a product needs, and what fits
TOGETHER = 8  # tiles of rows that pass over the outputs side by side and share what they read


class Tile(NamedTuple):
    """Outputs of a tile, terms of their sums read at a time, and what works on it."""

    outputs: int
    terms: int
    warps: int
    stages: int


HALF, SINGLE = Tile(128, 64, 8, 3), Tile(64, 32, 4, 3)


def usable(x: Float[Tensor, "n d"], weight: Float[Tensor, "e f d"]) -> bool:
    """Whether the kernels can take these: on a GPU, both of one precision, float32 or half."""
    return (
        triton is not None
        and x.is_cuda
        and x.dtype == weight.dtype
        and x.dtype in (torch.float32, torch.bfloat16, torch.float16)
    )


def grouped_linear_triton(
    x: Float[Tensor, "n d"], weight: Float[Tensor, "e f d"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "n f"]:
    """As `grouped_linear`, which see; differentiable once."""
    return _GroupedLinear.apply(x, weight, counts)


class _GroupedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, counts: Tensor) -> Tensor:
        x, weight = x.contiguous(), weight.contiguous()
        ctx.save_for_backward(x, weight, counts)
        return _multiplied(x, weight, counts)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight, counts = ctx.saved_tensors
        grad = grad_outputs[0].contiguous()
        want_x, want_weight, _ = ctx.needs_input_grad
        grad_x = _multiplied(grad, weight.mT, counts) if want_x else None
        return grad_x, _summed(grad, x, counts) if want_weight else None, None


def _multiplied(
    x: Float[Tensor, "n i"], matrices: Float[Tensor, "e o i"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "n o"]:
    """The matrices may be transposed in memory; x is not."""
    (n, inputs), (groups, outputs, _) = x.shape, matrices.shape
    y = x.new_empty(n, outputs)
    if not y.numel():
        return y
    tile = _tile(x)
    rows = min(MOST, max(FEWEST, triton.next_power_of_2(triton.cdiv(n, groups))))
    tiles = n // rows + min(n, groups)
    with torch.cuda.device_of(x):
        _multiply[(tiles * triton.cdiv(outputs, tile.outputs),)](
            *(x, matrices, counts, y, tiles, groups, inputs, outputs, *matrices.stride()),
            **_constants(x, groups, tile),
            R=rows,
            TOGETHER=TOGETHER,
        )
    return y


def _summed(
    grad: Float[Tensor, "n f"], x: Float[Tensor, "n d"], counts: Int[Tensor, " e"]
) -> Float[Tensor, "e f d"]:
    """Σ grad xᵀ over the rows of each group; zero for a group without rows."""
    groups, outputs, inputs = counts.shape[0], grad.shape[1], x.shape[1]
    sums = x.new_empty(groups, outputs, inputs)
    if not sums.numel():
        return sums
    tile = _tile(x)
    cells = triton.cdiv(outputs, tile.outputs), triton.cdiv(inputs, tile.outputs)
    with torch.cuda.device_of(x):
        _sum[(*cells, groups)](
            *(grad, x, counts, sums, groups, inputs, outputs), **_constants(x, groups, tile)
        )
    return sums


def _tile(x: Tensor) -> Tile:
    return SINGLE if x.dtype == torch.float32 else HALF


def _constants(x: Tensor, groups: int, tile: Tile) -> dict[str, Any]:
    """What a kernel is compiled for."""
    exact = x.dtype == torch.float32 and not torch.backends.cuda.matmul.allow_tf32
    return {
        "E": triton.next_power_of_2(groups),
        "F": tile.outputs,
        "D": tile.terms,
        "PRECISION": "ieee" if exact else "tf32",
        "num_warps": tile.warps,
        "num_stages": tile.stages,
    }


# In both kernels r, f and d are numbers of rows, outputs and inputs, and g of groups.


@kernel
def _multiply(
    x_at,
    matrices_at,
    counts_at,
    y_at,
    tiles,
    groups,
    inputs,
    outputs,
    of_group,
    of_output,
    of_input,
    E: constexpr,
    R: constexpr,
    F: constexpr,
    D: constexpr,
    TOGETHER: constexpr,
    PRECISION: constexpr,
):
    across = TOGETHER * tl.cdiv(outputs, F)
    first = tl.program_id(0) // across * TOGETHER
    beside = tl.minimum(tiles - first, TOGETHER)
    tile = first + tl.program_id(0) % across % beside
    f = tl.program_id(0) % across // beside * F + tl.arange(0, F)

    g = tl.arange(0, E)
    counts = tl.load(counts_at + g, mask=g < groups, other=0).to(tl.int64)
    needed = (counts + R - 1) // R
    group = tl.sum((tl.cumsum(needed, 0) <= tile).to(tl.int32), 0)
    if group >= groups:  # there are fewer tiles than there might have been
        return
    begin = tl.sum(tl.where(g < group, counts, 0), 0)
    end = begin + tl.sum(tl.where(g == group, counts, 0), 0)
    inner = tile - tl.sum(tl.where(g < group, needed, 0), 0)

    r = begin + inner * R + tl.arange(0, R)
    in_r, in_f = r < end, f < outputs
    matrix_at = matrices_at + group.to(tl.int64) * of_group
    total = tl.zeros((R, F), dtype=tl.float32)
    for start in range(0, inputs, D):
        d = start + tl.arange(0, D)
        in_d = d < inputs
        x_rd = tl.load(
            x_at + r[:, None] * inputs + d[None, :], mask=in_r[:, None] & in_d[None, :], other=0.0
        )
        w_df = tl.load(
            matrix_at + d[:, None] * of_input + f[None, :] * of_output,
            mask=in_d[:, None] & in_f[None, :],
            other=0.0,
        )
        total = tl.dot(x_rd, w_df, total, input_precision=PRECISION)
    tl.store(y_at + r[:, None] * outputs + f[None, :], total, mask=in_r[:, None] & in_f[None, :])


@kernel
def _sum(
    grad_at,
    x_at,
    counts_at,
    sums_at,
    groups,
    inputs,
    outputs,
    E: constexpr,
    F: constexpr,
    D: constexpr,
    PRECISION: constexpr,
):
    group = tl.program_id(2)
    f = tl.program_id(0) * F + tl.arange(0, F)
    d = tl.program_id(1) * F + tl.arange(0, F)
    in_f, in_d = f < outputs, d < inputs
    g = tl.arange(0, E)
    counts = tl.load(counts_at + g, mask=g < groups, other=0).to(tl.int64)
    begin = tl.sum(tl.where(g < group, counts, 0), 0)
    end = begin + tl.sum(tl.where(g == group, counts, 0), 0)
    total = tl.zeros((F, F), dtype=tl.float32)
    for start in range(begin, end, D):
        r = start + tl.arange(0, D)
        in_r = r < end
        grad_rf = tl.load(
            grad_at + r[:, None] * outputs + f[None, :],
            mask=in_r[:, None] & in_f[None, :],
            other=0.0,
        )
        x_rd = tl.load(
            x_at + r[:, None] * inputs + d[None, :], mask=in_r[:, None] & in_d[None, :], other=0.0
        )
        total = tl.dot(tl.trans(grad_rf), x_rd, total, input_precision=PRECISION)
    fd = f.to(tl.int64)[:, None] * inputs + d[None, :]
    sum_at = sums_at + group.to(tl.int64) * outputs * inputs
    tl.store(sum_at + fd, total, mask=in_f[:, None] & in_d[None, :])
