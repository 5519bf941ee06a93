"""y = f(x) Wᵀ + b + r with W stored in few bits, for any number of rows of x.

f is nothing, an RMSNorm or a gated product, so that what stands around a matrix in a network costs
no call of its own; r is what the result is added to. Beside a `Grouped` W each 32 numbers of f(x)
are rounded to 8 bits on the way (`rounded`), and sums of products of small integers are exact:

    y = Σ_groups s · (d · Σ q p + m · Σ p),    f(x) ≈ s · p

A `Plain` W is multiplied in float32 whatever it is stored in. Beside a CPU f(x) is never rounded
(see `packed_linear_triton`). Nothing is differentiated here.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels import native
from practicum.kernels.gated import gated_reference
from practicum.kernels.packed_linear_triton import (
    packed_linear_triton,
    packed_rows_triton,
    unrounded,
    usable,
)
from practicum.kernels.packed_matrix import Grouped, Packed
from practicum.kernels.quantise import rounded


@dataclass(frozen=True, kw_only=True, eq=False)
class Normed:
    """f(x) = x / √(mean(x²) + eps) · (weight + plus)."""

    weight: Float32[Tensor, " inputs"]
    eps: float
    plus: float = 0.0

    def __call__(self, x: Float32[Tensor, "*b inputs"]) -> Float32[Tensor, "*b inputs"]:
        inverse = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return x * inverse * (self.weight + self.plus)


@dataclass(frozen=True, kw_only=True)
class Gated:
    """f(x) = silu(gate) · up of x = (gate, up), which is twice as wide as W."""

    def __call__(self, x: Float32[Tensor, "*b twice"]) -> Float32[Tensor, "*b inputs"]:
        return gated_reference(x, "silu")


Before = Normed | Gated


def packed_linear_reference(
    x: Float32[Tensor, "*b wide"],
    matrix: Packed,
    bias: Float32[Tensor, " outputs"] | None = None,
    *,
    before: Before | None = None,
    added: Float32[Tensor, "*b outputs"] | None = None,
) -> Float32[Tensor, "*b outputs"]:
    """With W decoded. Judges `packed_linear`."""
    x = x if before is None else before(x)
    x = rounded(x) if isinstance(matrix, Grouped) else x
    y = F.linear(x, matrix.decoded(), bias)
    return y if added is None else y + added


def packed_linear(
    x: Float[Tensor, "*b wide"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    *,
    before: Before | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """`packed_linear_reference` with W read as it is stored, in C++ where it can be: on CPUs.

    Elsewhere `unrounded`, in Triton where it can be; there x may be in half precision.
    """
    on_gpu = usable(x, matrix, x.dtype)
    if on_gpu or x.device.type != "cpu":
        x = x if before is None else before(x)
        return (packed_linear_triton if on_gpu else unrounded)(x, matrix, bias, added)
    assert x.dtype == torch.float32, x.dtype
    compiled = native.library()
    if compiled is None:
        return packed_linear_reference(x, matrix, bias, before=before, added=added)
    x = x.contiguous()
    out = torch.empty(*x.shape[:-1], matrix.outputs)
    added = None if added is None else added.contiguous()
    scales = minima = norm = None
    kind, eps, plus = 0, 0.0, 0.0
    if isinstance(matrix, Grouped):
        codes, scales, minima = matrix.codes, matrix.scales, matrix.minima
    else:
        codes = matrix.numbers
    if isinstance(before, Normed):
        kind, norm, eps, plus = 1, before.weight, before.eps, before.plus
    elif before is not None:
        kind = 2
    rows = out.numel() // matrix.outputs
    compiled.packed_linear(
        *map(address, (x, codes, scales, minima, bias, added, norm, out)),
        *(rows, matrix.inputs, matrix.outputs, matrix.bits, kind, eps, plus),
        torch.get_num_threads(),
    )
    return out


def packed_rows(
    matrix: Packed, index: Int[Tensor, "*b"], dtype: torch.dtype
) -> Float[Tensor, "*b inputs"]:
    """Rows of W in `dtype`."""
    if usable(index, matrix, dtype):
        return packed_rows_triton(matrix, index, dtype)
    return matrix.rows(index).to(dtype)


def address(tensor: Tensor | None) -> int | None:
    """Where its numbers begin, for a compiled function."""
    return None if tensor is None else tensor.data_ptr()
