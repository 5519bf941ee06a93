"""Self-attention for images: every pixel reads all others (Zhang et al. 2019, SAGAN, §3).

    β_{j,i} = softmax_i(f(x_i)ᵀ g(x_j)),   o_j = Σ_i β_{j,i} h(x_i),   y_j = γ o_j + x_j

f and g (keys and queries) are 1×1 convolutions to C/reduction channels, h one to C; the products
are not scaled. γ starts at 0: at first the layer is the identity, and it learns to look away from
the neighbourhood. Spectral norms belong to the network around it. `i`, `j`: rows and columns.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.attention import attention
from practicum.nn.initial import Constant, Rule
from practicum.nn.linear import LinearLayer

START = Rule(names="*gamma", start=Constant(value=0.0))  # goes before the rules of the network


@dataclass(frozen=True, kw_only=True)
class ImageAttention:
    """Pixels compare 1/`reduction` of their channels."""

    reduction: int = 8

    def __post_init__(self) -> None:
        if self.reduction < 1:
            raise ConfigError(f"ImageAttention.reduction is {self.reduction}; expected at least 1")

    def build(self, channels: int) -> "ImageAttentionLayer":
        """The layer for images of `channels`."""
        if channels < self.reduction:
            raise ConfigError(
                f"{channels} channels cannot be reduced {self.reduction} times; lower "
                "ImageAttention.reduction"
            )
        return ImageAttentionLayer(channels, self)


class ImageAttentionLayer(nn.Module):
    """A 1×1 convolution is a matrix on every pixel: f, g and h are one."""

    def __init__(self, channels: int, description: ImageAttention) -> None:
        super().__init__()
        compared = channels // description.reduction
        parts = {"key": compared, "query": compared, "value": channels}
        self.split = list(parts.values())
        self.maps = LinearLayer(channels, parts, bias=True)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "b c i j"]) -> Float[Tensor, "b c i j"]:
        pixels = rearrange(x, "b c i j -> b 1 (i j) c")
        k, q, v = self.maps(pixels).split(self.split, dim=-1)
        read = attention(q, k, v, scale=1.0)
        return self.gamma * rearrange(read, "b 1 (i j) c -> b c i j", j=x.shape[3]) + x
