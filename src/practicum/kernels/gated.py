"""The hidden units of a gated feed-forward: φ(gate) ⊙ up (Shazeer 2020, eq. 5 and 6).

Gate and up are the two halves of one product's columns. With φ = SiLU, the usual one, the units are
one node with a gradient of its own: nothing is kept but that product, and its two halves'
gradients, grad ⊙ up ⊙ φ′(gate) and grad ⊙ φ(gate), are written where they belong.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.activations import Activation, activate


def gated_reference(hidden: Float[Tensor, "*b two_f"], name: Activation) -> Float[Tensor, "*b f"]:
    """The equation. Judges `gated`."""
    gate, up = hidden.chunk(2, dim=-1)
    return activate(gate, name) * up


def gated(hidden: Float[Tensor, "*b two_f"], name: Activation) -> Float[Tensor, "*b f"]:
    """`gated_reference`; differentiable once where `name` is "silu"."""
    return _GatedBySilu.apply(hidden) if name == "silu" else gated_reference(hidden, name)


class _GatedBySilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor) -> Tensor:
        ctx.save_for_backward(hidden)
        gate, up = hidden.chunk(2, dim=-1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:
        (hidden,) = ctx.saved_tensors
        gate, up = hidden.chunk(2, dim=-1)
        grads = torch.empty_like(hidden)
        of_gate, of_up = grads.chunk(2, dim=-1)
        torch.mul(F.silu(gate), grad_outputs[0], out=of_up)
        passed = grad_outputs[0] * up
        torch.ops.aten.silu_backward.grad_input(passed, gate, grad_input=of_gate)
        return grads
