"""LayerNorm (Ba et al. 2016, eq. 4), RMSNorm (Zhang & Sennrich 2019, eq. 4), and a near relation.

All compute in float32 whatever the input's precision, since a mean of squares overflows in half.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LayerNorm:
    """(x − mean) / √(var + eps) · weight + bias over the width."""

    eps: float = 1e-5
    bias: bool = True
    weight: bool = True

    def __post_init__(self) -> None:
        if self.bias and not self.weight:
            raise ConfigError("a LayerNorm with a bias and no weight; set bias to False, too")

    def build(self, width: int) -> "LayerNormLayer":
        return LayerNormLayer(width, self)


@dataclass(frozen=True, kw_only=True)
class RMSNorm:
    """x / √(mean(x²) + eps) · weight over the width.

    `plus_one`: times 1 + weight, with the product in float32 (Gemma).
    """

    eps: float = 1e-5
    plus_one: bool = False

    def build(self, width: int) -> "RMSNormLayer":
        return RMSNormLayer(width, self)


@dataclass(frozen=True, kw_only=True)
class DeviationNorm:
    """(x − mean) / (std + eps) · weight + bias, std with n − 1 (The Annotated Transformer).

    Not LayerNorm's numbers: the deviation is the unbiased one and eps stands outside the root.
    """

    eps: float = 1e-6

    def build(self, width: int) -> "DeviationNormLayer":
        return DeviationNormLayer(width, self)


Norm = LayerNorm | RMSNorm | DeviationNorm


class LayerNormLayer(nn.Module):
    def __init__(self, width: int, description: LayerNorm) -> None:
        super().__init__()
        self.eps = description.eps
        self.weight = nn.Parameter(torch.empty(width)) if description.weight else None
        self.bias = nn.Parameter(torch.empty(width)) if description.bias else None

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        # torch's kernel accumulates half precision in float32 by itself
        return F.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)


class RMSNormLayer(nn.Module):
    def __init__(self, width: int, description: RMSNorm) -> None:
        super().__init__()
        self.eps, self.plus_one = description.eps, description.plus_one
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        inverse = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        if self.plus_one:
            return (wide * inverse * (1.0 + self.weight.to(wide.dtype))).to(x.dtype)
        return (wide * inverse).to(x.dtype) * self.weight


class DeviationNormLayer(nn.Module):
    def __init__(self, width: int, description: DeviationNorm) -> None:
        super().__init__()
        self.eps = description.eps
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        std, mean = torch.std_mean(wide, dim=-1, keepdim=True)
        return ((wide - mean) / (std + self.eps)).to(x.dtype) * self.weight + self.bias
