"""Tokens to their experts and back: y_t = Σ_c w_tc · f_e(t,c)(x_t) over the choices c of token t.

One stable sort of the (token, choice) pairs by expert makes every expert's rows one contiguous
segment, whatever their number: none is padded and none is lost. With a `room`, an expert takes that
many pairs at most, the earliest; pairs that find no room give nothing (Lepikhin et al. 2020, §2.2).

Both ways are a look-up of rows and so are their gradients, since each pair knows the slot where it
stands: nothing is added at colliding places, and results do not depend on the order of threads.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Segments:
    """Pairs sorted by expert. Slot m, one past the last, stands for the pairs without room."""

    tokens: Int[Tensor, " m"]  # whose row stands in each slot
    pairs: Int[Tensor, " m"]  # which pair it is: token·k + choice
    slots: Int[Tensor, "n k"]  # where each pair stands
    counts: Int[Tensor, " e"]  # slots of each expert, in order


def by_expert(experts: Int[Tensor, "n k"], count: int, room: int | None = None) -> Segments:
    """The pairs of `experts`, numbers below `count`, in segments."""
    n, k = experts.shape
    chosen = experts.flatten()
    pairs = chosen.argsort(stable=True)
    counts = torch.bincount(chosen, minlength=count)
    if room is not None:
        starts = counts.cumsum(0) - counts
        ordered = chosen[pairs]
        place = torch.arange(n * k, device=experts.device) - starts[ordered]
        pairs = pairs[place < room]
        counts = counts.clamp(max=room)
    m = pairs.shape[0]
    slots = torch.full_like(chosen, m)
    slots[pairs] = torch.arange(m, device=experts.device)
    return Segments(pairs // k, pairs, slots.view(n, k), counts)


def dispatch(x: Float[Tensor, "n d"], to: Segments) -> Float[Tensor, "m d"]:
    """A copy of each token's row for every expert that has room for it, expert by expert."""
    return _Dispatch.apply(x, to.tokens, to.slots)


def combine(
    y: Float[Tensor, "m d"], weights: Float[Tensor, "n k"], of: Segments
) -> Float[Tensor, "n d"]:
    """Each token's rows, weighted and summed, in the precision of `y`; differentiable once."""
    return _Combine.apply(y, weights.to(y.dtype), of.tokens, of.pairs, of.slots)


class _Dispatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tokens: Tensor, slots: Tensor) -> Tensor:
        ctx.save_for_backward(slots)
        return x.index_select(0, tokens)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None]:
        (slots,) = ctx.saved_tensors
        return _rows(grad_outputs[0], slots).sum(1), None, None


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, y: Tensor, weights: Tensor, tokens: Tensor, pairs: Tensor, slots: Tensor
    ) -> Tensor:
        ctx.save_for_backward(y, weights, tokens, pairs, slots)
        return torch.bmm(weights[:, None], _rows(y, slots)).squeeze(1)

    @staticmethod
    def backward(
        ctx: Any, *grad_outputs: Any
    ) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        y, weights, tokens, pairs, slots = ctx.saved_tensors
        grad = grad_outputs[0]
        grad_rows = grad.index_select(0, tokens)
        grad_weights = None
        if ctx.needs_input_grad[1]:
            along = torch.cat([(grad_rows * y).sum(-1), y.new_zeros(1)])
            grad_weights = along[slots]
        if not ctx.needs_input_grad[0]:
            return None, grad_weights, None, None, None
        grad_y = grad_rows.mul_(weights.flatten()[pairs, None])
        return grad_y, grad_weights, None, None, None


def _rows(y: Float[Tensor, "m d"], slots: Int[Tensor, "n k"]) -> Float[Tensor, "n k d"]:
    """The rows in the slots; zeros for pairs that have none."""
    n, k = slots.shape
    if y.shape[0] < n * k:
        y = torch.cat([y, y.new_zeros(1, y.shape[1])])
    return y.index_select(0, slots.flatten()).view(n, k, y.shape[1])
