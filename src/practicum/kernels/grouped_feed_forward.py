"""Rows sorted by group, each group read by a gated feed-forward of its own, in one node.

    yᵢ = W_down (SiLU(W_gate xᵢ) ⊙ W_up xᵢ) with the matrices of the group of i

(Shazeer 2020, eq. 6; gate and up are the two halves of one matrix's outputs). On a CPU one group
after the other is read to its end, forward and backward: its hidden units are made, used and
forgotten while they are in the cache, where node after node would carry those of all groups to
memory and back each time. Kept are the rows and the hidden products; the units are made again.
Elsewhere, and where nothing will be differentiated, it is `grouped_linear`, `gated` and
`grouped_linear`; or the Triton version of the former where torch has no kernel for the precision.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.gated import gated, gated_reference
from practicum.kernels.grouped_linear import (
    grouped_linear,
    grouped_linear_reference,
    segments,
)
from practicum.kernels.prepacked import inferring


def grouped_feed_forward_reference(
    x: Float[Tensor, "n d"],
    up: Float[Tensor, "e two_f d"],
    down: Float[Tensor, "e d f"],
    counts: Int[Tensor, " e"],
) -> Float[Tensor, "n d"]:
    """The equation, product by product. Judges `grouped_feed_forward`."""
    units = gated_reference(grouped_linear_reference(x, up, counts), "silu")
    return grouped_linear_reference(units, down, counts)


def grouped_feed_forward(
    x: Float[Tensor, "n d"],
    up: Float[Tensor, "e two_f d"],
    down: Float[Tensor, "e d f"],
    counts: Int[Tensor, " e"],
) -> Float[Tensor, "n d"]:
    """`grouped_feed_forward_reference`, fast; the first counts[0] rows are group 0's, and so on.

    `counts` sum to n. Differentiable once.
    """
    kind = x.device.type
    if torch.is_autocast_enabled(kind):  # which knows torch's own products only
        half = torch.get_autocast_dtype(kind)
        x, up, down = x.to(half), up.to(half), down.to(half)
    if kind == "cpu" and not inferring():
        return _FeedForward.apply(x, up, down, counts)
    product = grouped_linear
    if x.is_cuda and not (x.dtype == torch.bfloat16 and _has_grouped_bfloat16(x.device)):
        from practicum.kernels.grouped_linear_triton import grouped_linear_triton, usable

        if usable(x, up):  # Triton takes a while to load, and a CPU has no use for it
            product = grouped_linear_triton
    return product(gated(product(x, up, counts), "silu"), down, counts)


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, up: Tensor, down: Tensor, counts: Tensor) -> Tensor:
        y, kept = x.new_empty(x.shape[0], down.shape[1]), []
        for group, rows in segments(counts):
            hidden = x[rows] @ up[group].t()
            gate, linear = hidden.chunk(2, dim=-1)
            torch.mm(F.silu(gate).mul_(linear), down[group].t(), out=y[rows])
            kept.append(hidden)
        ctx.save_for_backward(x, up, down, counts, *kept)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        x, up, down, counts, *kept = ctx.saved_tensors
        grads = tuple(
            torch.empty_like(part) if wanted else None
            for part, wanted in zip((x, up, down), ctx.needs_input_grad[:3], strict=True)
        )
        for group in (counts == 0).nonzero().flatten().tolist():
            for grad in grads[1:]:
                if grad is not None:
                    grad[group] = 0
        grad_y = grad_outputs[0].contiguous()
        for (group, rows), hidden in zip(segments(counts), kept, strict=True):
            _group_backward(
                (x[rows], up[group], down[group]),
                hidden,
                grad_y[rows],
                tuple(
                    None if grad is None else grad[place]
                    for grad, place in zip(grads, (rows, group, group), strict=True)
                ),
            )
        return *grads, None


def _group_backward(
    parts: tuple[Tensor, Tensor, Tensor],
    hidden: Float[Tensor, "n two_f"],
    grad_y: Float[Tensor, "n d"],
    grads: tuple[Tensor | None, ...],
) -> None:
    """Write the gradients of one group's rows and matrices, those that are wanted, to `grads`."""
    x, up, down = parts
    grad_x, grad_up, grad_down = grads
    gate, linear = hidden.chunk(2, dim=-1)
    units, grad_units = F.silu(gate), grad_y @ down
    grad_hidden = torch.empty_like(hidden)
    of_gate, of_linear = grad_hidden.chunk(2, dim=-1)
    torch.mul(units, grad_units, out=of_linear)
    if grad_down is not None:
        torch.mm(grad_y.t(), units.mul_(linear), out=grad_down)
    torch.ops.aten.silu_backward.grad_input(grad_units.mul_(linear), gate, grad_input=of_gate)
    if grad_up is not None:
        torch.mm(grad_hidden.t(), x, out=grad_up)
    if grad_x is not None:
        torch.mm(grad_hidden, up, out=grad_x)


def _has_grouped_bfloat16(device: torch.device) -> bool:
    """Whether torch has one kernel for all groups; before Hopper it takes them in turn."""
    return torch.cuda.get_device_capability(device) >= (9, 0)
