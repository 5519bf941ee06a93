"""SNAIL: causal dilated convolutions see far, attention picks out exactly (Mishra et al. 2018, §3).

    dense(x)      x_f, x_g = two causal convolutions of x, kernel 2, dilation r, D filters
                  → [x; tanh(x_f) ⊙ σ(x_g)]
    TC(T, D)      dense blocks with r = 1, 2, 4, …, ⌈log₂ T⌉ of them: L blocks see 2^L steps
    attend(K, V)  → [x; softmax(q kᵀ / √K) v]  over the steps up to now

Each block appends its output to what it was given, so the width grows: `width_after` says to what.
Whole sequences only, and no padding is known: a step sees zeros before the first.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.attention import attention
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class DenseConvolution:
    """One dense block: a gated convolution over steps t and t − dilation."""

    filters: int
    dilation: int

    def __post_init__(self) -> None:
        if self.filters < 1 or self.dilation < 1:
            raise ConfigError(
                "DenseConvolution needs filters and dilation of at least 1; got "
                f"{self.filters} and {self.dilation}"
            )

    def width_after(self, width: int) -> int:
        return width + self.filters

    def build(self, width: int) -> "DenseConvolutionLayer":
        return DenseConvolutionLayer(width, self)


@dataclass(frozen=True, kw_only=True)
class TemporalConvolutions:
    """A TC block: as many dense blocks as it takes to see `length` steps."""

    length: int
    filters: int

    def __post_init__(self) -> None:
        if self.length < 2 or self.filters < 1:
            raise ConfigError(
                "TemporalConvolutions needs a length of at least 2 and a filter; got "
                f"{self.length} and {self.filters}"
            )

    @property
    def blocks(self) -> tuple[DenseConvolution, ...]:
        """The dense blocks from the bottom."""
        layers = (self.length - 1).bit_length()  # ⌈log₂ length⌉, without rounding
        return tuple(
            DenseConvolution(filters=self.filters, dilation=2**layer) for layer in range(layers)
        )

    def width_after(self, width: int) -> int:
        return width + self.filters * len(self.blocks)

    def build(self, width: int) -> "SnailLayer":
        return SnailLayer(width, self.blocks)


@dataclass(frozen=True, kw_only=True)
class CausalLookup:
    """An attention block: one head with keys and values of widths of their own."""

    keys: int
    values: int

    def __post_init__(self) -> None:
        if self.keys < 1 or self.values < 1:
            raise ConfigError(
                "CausalLookup needs keys and values of at least 1; got "
                f"{self.keys} and {self.values}"
            )

    def width_after(self, width: int) -> int:
        return width + self.values

    def build(self, width: int) -> "CausalLookupLayer":
        return CausalLookupLayer(width, self)


SnailBlock = DenseConvolution | TemporalConvolutions | CausalLookup


@dataclass(frozen=True, kw_only=True)
class Snail:
    """Blocks one after the other."""

    blocks: tuple[SnailBlock, ...]

    def width_after(self, width: int) -> int:
        for block in self.blocks:
            width = block.width_after(width)
        return width

    def build(self, width: int) -> "SnailLayer":
        return SnailLayer(width, self.blocks)


def few_shot(length: int) -> Snail:
    """The stack of the few-shot experiments; an episode has N·K + 1 = `length` examples."""
    convolutions = TemporalConvolutions(length=length, filters=128)
    return Snail(
        blocks=(
            CausalLookup(keys=64, values=32),
            convolutions,
            CausalLookup(keys=256, values=128),
            convolutions,
            CausalLookup(keys=512, values=256),
        )
    )


class DenseConvolutionLayer(nn.Module):
    """Both taps of both convolutions are one product, of [x_{t−r}; x_t]."""

    def __init__(self, width: int, description: DenseConvolution) -> None:
        super().__init__()
        self.dilation = description.dilation
        parts = {"filter": description.filters, "gate": description.filters}
        self.taps = LinearLayer(2 * width, parts, bias=True)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t f"]:
        earlier = F.pad(x, (0, 0, self.dilation, 0))[:, : x.shape[1]]
        filtered, gate = self.taps(torch.cat([earlier, x], dim=-1)).chunk(2, dim=-1)
        return torch.cat([x, torch.tanh(filtered) * torch.sigmoid(gate)], dim=-1)


class CausalLookupLayer(nn.Module):
    def __init__(self, width: int, description: CausalLookup) -> None:
        super().__init__()
        self.split = [description.keys, description.keys, description.values]
        parts = {"q": description.keys, "k": description.keys, "v": description.values}
        self.qkv = LinearLayer(width, parts, bias=True)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t f"]:
        q, k, v = (part[:, None] for part in self.qkv(x).split(self.split, dim=-1))
        mixed = attention(q, k, v, causal=True, scale=q.shape[-1] ** -0.5)
        return torch.cat([x, mixed[:, 0]], dim=-1)


class SnailLayer(nn.Module):
    def __init__(self, width: int, blocks: tuple[SnailBlock, ...]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for block in blocks:
            self.blocks.append(block.build(width))
            width = block.width_after(width)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t f"]:
        for block in self.blocks:
            x = block(x)
        return x
