"""Cross-entropy of a linear layer's logits without holding all of them.

loss = Σᵢ logsumexp(zᵢ) − zᵢ[targetᵢ] with zᵢ = W hᵢ + b, in nats, over rows i whose target is not
`IGNORED`; with a cap c the logits are c · tanh(zᵢ / c).
The fast version takes a few hundred rows at a time and makes their gradients while their logits
are at hand, (softmax − onehot) W and (softmax − onehot)ᵀ h, so that no more than one chunk of
logits is ever in memory and none is kept for the backward pass.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.cross_entropy_triton import loss_and_gradient, usable

IGNORED = -100  # torch's convention
CHUNK_BYTES = 16 * 2**20  # of logits: stays in a CPU's last cache; on a GPU it is grown below
CHUNK_ROWS = 512  # at least: each chunk reads W twice and writes its gradient once


def linear_cross_entropy_reference(
    hidden: Float[Tensor, "n d"],
    weight: Float[Tensor, "v d"],
    targets: Int[Tensor, " n"],
    bias: Float[Tensor, " v"] | None = None,
    cap: float | None = None,
) -> Float[Tensor, ""]:
    """The equation with all logits at once. Judges `linear_cross_entropy`."""
    logits = F.linear(hidden, weight, bias)
    logits = (logits if cap is None else cap * torch.tanh(logits / cap)).float()
    return F.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")


def linear_cross_entropy(
    hidden: Float[Tensor, "n d"],
    weight: Float[Tensor, "v d"],
    targets: Int[Tensor, " n"],
    bias: Float[Tensor, " v"] | None = None,
    cap: float | None = None,
) -> Float[Tensor, ""]:
    """`linear_cross_entropy_reference`, a chunk of rows at a time; differentiable once.

    Within autocast the products are of its precision, the sums in float32.
    """
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        hidden, weight = hidden.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    return _LinearCrossEntropy.apply(hidden, weight, targets, bias, cap)


def rows_per_chunk(vocab: int, device: torch.device) -> int:
    """How many rows of logits are made at once."""
    budget = CHUNK_BYTES if device.type == "cpu" else 64 * CHUNK_BYTES
    return max(CHUNK_ROWS, budget // (4 * vocab))


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        bias: Tensor | None,
        cap: float | None,
    ) -> Tensor:
        want_hidden, want_weight, _, want_bias, _ = ctx.needs_input_grad
        total = torch.zeros((), device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if want_hidden else None
        half = weight.dtype in (torch.float16, torch.bfloat16)
        wide = torch.float32 if half else weight.dtype  # in which chunks are summed
        grad_weight = torch.empty_like(weight, dtype=wide) if want_weight else None
        grad_bias = torch.zeros_like(bias) if bias is not None and want_bias else None
        step = rows_per_chunk(weight.shape[0], hidden.device)
        wanted = want_hidden or want_weight or want_bias
        buffer = hidden.new_empty(min(step, hidden.shape[0]), weight.shape[0])
        fused = usable(buffer)
        for start in range(0, hidden.shape[0], step):
            rows = slice(start, start + step)
            h, target = hidden[rows], targets[rows]
            logits = torch.mm(h, weight.t(), out=buffer[: h.shape[0]])
            if bias is not None:
                logits += bias
            slope = None if cap is None else _capped(logits, cap)
            if fused:
                total += loss_and_gradient(logits, target, IGNORED).sum()
                grad = logits
            else:
                log_p = _log_softmax(logits)
                total += _loss(log_p, target)
                grad = _gradient(log_p, target).to(h.dtype) if wanted else log_p
            if not wanted:
                continue
            if slope is not None:
                grad *= slope
            if grad_bias is not None:
                grad_bias += grad.sum(0)
            if grad_hidden is not None:
                torch.mm(grad, weight, out=grad_hidden[rows])
            if grad_weight is not None:
                _add_product(grad_weight, grad.t(), h, first=start == 0)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        ctx.dtype = weight.dtype
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:
        grad_hidden, grad_weight, grad_bias = ctx.saved_tensors
        scale = float(grad_outputs[0])
        for grad in (grad_hidden, grad_weight, grad_bias):
            if grad is not None and scale != 1.0:
                grad.mul_(scale)
        if grad_weight is not None:
            grad_weight = grad_weight.to(ctx.dtype)
        return grad_hidden, grad_weight, None, grad_bias, None


def _add_product(total: Tensor, a: Tensor, b: Tensor, *, first: bool) -> None:
    """total ← a b, or total + a b, summed in the precision of `total`."""
    if a.dtype == total.dtype:
        total.addmm_(a, b, beta=0 if first else 1)
    elif first:
        total.copy_(a @ b)
    else:
        total += a @ b


def _log_softmax(logits: Tensor) -> Tensor:
    log_p = logits.float()  # the same memory where the product is float32 already
    return torch.log_softmax(log_p, dim=-1, out=log_p)


def _loss(log_p: Tensor, target: Tensor) -> Tensor:
    kept, index = target != IGNORED, target.clamp(min=0)[:, None]
    return -(log_p.gather(1, index).squeeze(1) * kept).sum()


def _gradient(log_p: Tensor, target: Tensor) -> Tensor:
    """softmax − onehot, zero where ignored, in the memory of `log_p`."""
    kept, index = target != IGNORED, target.clamp(min=0)[:, None]
    grad = log_p.exp_()
    grad.scatter_add_(1, index, torch.full_like(index, -1, dtype=grad.dtype))
    if not bool(kept.all()):
        grad *= kept[:, None]
    return grad


def _capped(logits: Tensor, cap: float) -> Tensor:
    """Cap the logits in place; the slope of the cap at each."""
    logits.div_(cap).tanh_()
    slope = 1.0 - logits.square()
    logits.mul_(cap)
    return slope
