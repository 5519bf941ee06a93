"""LayerNorm (Ba et al. 2016, eq. 4) and RMSNorm (Zhang & Sennrich 2019, eq. 4).

Both compute in float32 whatever the input's precision, since a mean of squares overflows in half.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """(x − mean) / √(var + eps) · weight + bias over the width."""

    eps: float = 1e-5
    bias: bool = True

    def build(self, width: int) -> "LayerNormLayer":
        return LayerNormLayer(width, self)


@dataclass(frozen=True, kw_only=True)
class RMSNorm:
    """x / √(mean(x²) + eps) · weight over the width."""

    eps: float = 1e-5

    def build(self, width: int) -> "RMSNormLayer":
        return RMSNormLayer(width, self)


Norm = LayerNorm | RMSNorm


class LayerNormLayer(nn.Module):
    def __init__(self, width: int, description: LayerNorm) -> None:
        super().__init__()
        self.eps = description.eps
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width)) if description.bias else None

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        # torch's kernel accumulates half precision in float32 by itself
        return F.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)


class RMSNormLayer(nn.Module):
    def __init__(self, width: int, description: RMSNorm) -> None:
        super().__init__()
        self.eps = description.eps
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        inverse = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * inverse).to(x.dtype) * self.weight
