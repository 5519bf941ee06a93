"""Rotary positions on raw tensors (Su et al. 2021, §3.2.2).

Pair i of a head of width k at position m is turned by the angle m · base^(−2i/k). Two layouts of
the pairs are in use: *halves* (i, i + k/2), which this library computes in, and *adjacent*
(2i, 2i + 1), which the original LLaMA weights and GGUF files are stored in.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rotary_table(length: int, rates: Float[Tensor, " half"]) -> Float[Tensor, "length 2 half"]:
    """cos and sin of every position below `length` for pairs with these rates, in float32."""
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates.double())
    return torch.stack([angles.cos(), angles.sin()], dim=1).float()


@lru_cache(maxsize=4)  # every block of a stack asks for the same ones, by the same tensors
@torch.inference_mode(False)  # may be made while generating and used while training
def turns(
    positions: Int[Tensor, "b t"], table: Float[Tensor, "n 2 half"]
) -> Float[Tensor, "b t 2 half"]:
    """The cos and sin for these positions."""
    return table[positions]


def rotate_reference(
    x: Float[Tensor, "b h t k"], positions: Int[Tensor, "#b t"], base: float
) -> Float[Tensor, "b h t k"]:
    """Each pair (i, i + k/2) as a complex number times e^(j·m·θᵢ). Judges `rotate`."""
    half = x.shape[-1] // 2
    rates = base ** (-torch.arange(half, dtype=torch.float64, device=x.device) / half)
    angles = positions[:, None, :, None].double() * rates
    pairs = torch.complex(x[..., :half].double(), x[..., half:].double())
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], dim=-1).to(x.dtype)


def rotate(
    x: Float[Tensor, "b h t k"], table: Float[Tensor, "#b t 2 half"]
) -> Float[Tensor, "b h t k"]:
    """`rotate_reference` in real arithmetic, with the table made by `turns`.

    Where a head is wider than the table's pairs, what lies beyond them stays as it is.
    """
    cos, sin = table.to(x.dtype)[:, None].unbind(dim=-2)
    half = cos.shape[-1]
    first, second, *rest = x.split(half, dim=-1)
    turned = [first * cos - second * sin, second * cos + first * sin]
    return torch.cat([*turned, *rest], dim=-1)
