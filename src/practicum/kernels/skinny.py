"""A matrix product with few rows, as decoding needs it: y = x Wᵀ + b with x of 1…16 rows.

On CPUs the library's product of few rows leaves half of the memory's speed unused: a single row is
a matrix-vector product on one thread, and for 2…16 rows the kernel for many rows is chosen. Taken
as (W xᵀ)ᵀ, with a single row doubled, W is read once and by all threads. On other devices, and for
many rows, this is `F.linear`.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

FEW = 16


def few_rows(
    x: Float[Tensor, "*b inputs"],
    weight: Float[Tensor, "outputs inputs"],
    bias: Float[Tensor, " outputs"] | None,
) -> Float[Tensor, "*b outputs"]:
    """`F.linear` by the product that suits the number of rows."""
    outputs, inputs = weight.shape
    rows = x.numel() // inputs
    if rows > FEW or x.device.type != "cpu" or x.dtype != torch.float32:
        return F.linear(x, weight, bias)
    flat = x.reshape(rows, inputs)
    if rows == 1:
        y = torch.mm(weight, torch.cat([flat, flat]).t()).t()[:1]
    elif inputs <= outputs or rows == 2:
        y = torch.mm(weight, flat.t()).t()
    elif rows <= 4:  # a narrowing map takes two rows at a time best
        y = torch.cat([torch.mm(weight, pair.t()).t() for pair in flat.split(2)])
    else:
        return F.linear(x, weight, bias)
    if bias is not None:
        y = y + bias
    return y.reshape(*x.shape[:-1], outputs)
