"""Rotary positions on raw tensors (Su et al. 2021, §3.2.2).

Pair i of a head of width k at position m is turned by the angle m · base^(−2i/k). Two layouts of
the pairs are in use: *halves* (i, i + k/2), which this library computes in, and *adjacent*
(2i, 2i + 1), which the original LLaMA weights and GGUF files are stored in.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor


# What is cached here may be made while generating and used while training, where tensors made in
# inference mode are refused: hence `inference_mode(False)`.
@lru_cache(maxsize=16)
@torch.inference_mode(False)
def rotary_table(
    length: int, width: int, base: float, device: torch.device
) -> Float[Tensor, "length 2 half"]:
    """cos and sin of every position below `length` and every pair, in float32."""
    rates = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates)
    return torch.stack([angles.cos(), angles.sin()], dim=1).float().to(device)


@lru_cache(maxsize=2)  # every block of a stack asks for the same ones, by the same tensor
@torch.inference_mode(False)
def turns(
    positions: Int[Tensor, "b t"], width: int, base: float, length: int
) -> Float[Tensor, "b t 2 half"]:
    """The cos and sin for these positions, all below `length`."""
    return rotary_table(length, width, base, positions.device)[positions]


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
    """`rotate_reference` in real arithmetic, with the table made by `turns`."""
    cos, sin = table.to(x.dtype)[:, None].unbind(dim=-2)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
