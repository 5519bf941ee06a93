"""Loss and gradient of rows of logits in one Triton kernel, in the place of the logits.

A program owns a row. Its first pass keeps the largest logit and the sum of exponentials below it,
Σ exp(z − m), which is rescaled where m grows (Milakov & Gimelshein 2018, alg. 3); its second
writes softmax(z) − onehot over z. So a row is read twice and written once, where separate
operations read and write it five times.

Without Triton this file can be imported, and `usable` says no.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.kernels.triton_language import constexpr, kernel, tl, triton

COLUMNS, WARPS = 4096, 8  # of a row at a time


def usable(logits: Float[Tensor, "n v"]) -> bool:
    """Whether the kernel can take these."""
    return triton is not None and logits.is_cuda and logits.dtype != torch.float64


def loss_and_gradient(
    logits: Float[Tensor, "n v"], targets: Int[Tensor, " n"], ignored: int
) -> Float[Tensor, " n"]:
    """The loss of every row, 0 where its target is `ignored`; `logits` become its gradient."""
    losses = torch.empty(logits.shape[0], device=logits.device, dtype=torch.float32)
    with torch.cuda.device_of(logits):
        _row[(logits.shape[0],)](
            *(logits, targets, losses, logits.shape[1], logits.stride(0), ignored),
            COLUMNS=COLUMNS,
            num_warps=WARPS,
        )
    return losses


@kernel
def _row(logits, targets, losses, width, stride, ignored, COLUMNS: constexpr):
    row = tl.program_id(0).to(tl.int64)
    target = tl.load(targets + row)
    kept = target != ignored
    begin = logits + row * stride
    columns = tl.arange(0, COLUMNS)
    top, total = -float("inf"), 0.0
    for start in range(0, width, COLUMNS):
        place = start + columns
        z = tl.load(begin + place, mask=place < width, other=-float("inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(z, 0))
        total = total * tl.exp(top - higher) + tl.sum(tl.exp(z - higher), 0)
        top = higher
    whole = top + tl.log(total)
    wanted = tl.load(begin + tl.where(kept, target, 0)).to(tl.float32)
    tl.store(losses + row, tl.where(kept, whole - wanted, 0.0))
    for start in range(0, width, COLUMNS):
        place = start + columns
        z = tl.load(begin + place, mask=place < width, other=-float("inf")).to(tl.float32)
        slope = tl.exp(z - whole) - tl.where(place == target, 1.0, 0.0)
        tl.store(begin + place, tl.where(kept, slope, 0.0), mask=place < width)
