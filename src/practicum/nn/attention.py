"""Attention as a mixer: multi-head, grouped and multi-query, windowed; self and cross.

q, k, v = W_qkv x;  y = W_o [softmax(scale · q kᵀ) v] per head (Vaswani et al. 2017, §3.2). With
`kv_heads < heads` several query heads share a key-value head (Ainslie et al. 2023); `kv_heads=1` is
multi-query (Shazeer 2019). Order comes from turning q and k (`positions`) or from a bias on the
scores (`relative`). How the past is kept and what a query sees is the state's business.

`forward` reads the sequence itself. For cross-attention `source` makes keys and values of another
sequence and `look` reads them; the weights and their layout are the same.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.rotary import rotate, turns
from practicum.nn.cache import KeyValueCache, RingCache, cache_for
from practicum.nn.linear import LinearLayer
from practicum.nn.norms import Norm
from practicum.nn.positions import Rope
from practicum.nn.relative import Relative
from practicum.nn.seen import Scope, Weighing
from practicum.nn.source import Source
from practicum.nn.state import Reading, Whole


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Attention over `heads` query heads."""

    heads: int
    kv_heads: int | None = None  # None: as many as query heads
    head_width: int | None = None  # of queries and keys; None: width / heads
    value_width: int | None = None  # of values; None: head_width
    bias: bool = False  # on q, k, v
    out_bias: bool | None = None  # None: as `bias`
    positions: Rope | None = None
    relative: Relative | None = None
    window: int | None = None  # a token sees itself and the window − 1 before it
    first: int = 0  # tokens at the beginning that stay in sight of every window
    scale: float | None = None  # None: 1/√head_width
    cap: float | None = None  # scores are kept within ±cap by a tanh (Gemma 2)
    qk_norm: Norm | None = None  # of every query and key head, before they are turned (Gemma 3)
    clip: float | None = None  # q, k and v are cut off at ±clip (OLMo)
    dropout: float = 0.0  # on the attention weights, while training

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ConfigError(f"Attention.heads is {self.heads}; expected at least 1")
        if self.kv_heads is not None and (self.kv_heads < 1 or self.heads % self.kv_heads):
            raise ConfigError(
                f"{self.heads} query heads cannot share {self.kv_heads} key-value heads evenly"
            )
        for name, value in (("scale", self.scale), ("cap", self.cap), ("clip", self.clip)):
            if value is not None and value <= 0.0:
                raise ConfigError(f"Attention.{name} is {value}; expected a number above 0")
        Scope(window=self.window, first=self.first)  # refuses what cannot be
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"Attention.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

    @property
    def scope(self) -> Scope:
        """How far back a query sees."""
        return Scope(window=self.window, first=self.first)

    def width_per_head(self, width: int) -> int:
        """The head width in a stack of this width."""
        if self.head_width is not None:
            return self.head_width
        if width % self.heads:
            raise ConfigError(
                f"a width of {width} cannot be split over {self.heads} heads evenly; "
                "set head_width, or change one of them"
            )
        return width // self.heads

    def build(self, width: int) -> "AttentionLayer":
        return AttentionLayer(width, self)


class AttentionLayer(nn.Module):
    def __init__(self, width: int, description: Attention) -> None:
        super().__init__()
        self.description = description
        self.heads = description.heads
        self.kv_heads = description.kv_heads or description.heads
        self.head_width = description.width_per_head(width)
        self.value_width = description.value_width or self.head_width
        if description.positions is not None:
            description.positions.turned(self.head_width)  # refuses what makes no pairs
        self.scope = description.scope
        self.scale = description.scale or self.head_width**-0.5
        rows = {
            "q": self.heads * self.head_width,
            "k": self.kv_heads * self.head_width,
            "v": self.kv_heads * self.value_width,
        }
        self.qkv = LinearLayer(width, rows, bias=description.bias)
        self.split = [rows["q"] + rows["k"], rows["v"]]
        out_bias = description.bias if description.out_bias is None else description.out_bias
        self.out = LinearLayer(self.heads * self.value_width, {"out": width}, bias=out_bias)
        norm, relative = description.qk_norm, description.relative
        self.q_norm = None if norm is None else norm.build(self.head_width)
        self.k_norm = None if norm is None else norm.build(self.head_width)
        self.relative = (
            None
            if relative is None
            else relative.build(width, self.heads, self.head_width, self.scale)
        )

    def forward(
        self, x: Float[Tensor, "b t d"], state: Reading | None = None
    ) -> Float[Tensor, "b t d"]:
        reading = Whole() if state is None else state
        made = self.qkv(x)
        if (clip := self.description.clip) is not None:
            made = made.clamp(-clip, clip)
        # split, not slices: the gradient of a split is one concatenation
        qk, v = made.split(self.split, dim=-1)
        qk = rearrange(qk, "b t (h k) -> b h t k", k=self.head_width)
        v = rearrange(v, "b t (g c) -> b g t c", c=self.value_width)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = qk.split([self.heads, self.kv_heads], dim=1)
            qk = torch.cat([self.q_norm(q), self.k_norm(k)], dim=1)
        if (rope := self.description.positions) is not None:
            table = rope.table(self.head_width, reading.reach(x.shape[1]), x.device)
            qk = rotate(qk, turns(reading.positions(x.shape[1], x.device), table))
        q, k = qk.split([self.heads, self.kv_heads], dim=1)
        mixed = reading.attend(q, k, v, self.scope, self.weighing)
        return self.out(rearrange(mixed, "b h t c -> b t (h c)"))

    @property
    def weighing(self) -> Weighing:
        """How this layer's scores become weights."""
        dropout = self.description.dropout if self.training else 0.0
        cap = self.description.cap
        return Weighing(scale=self.scale, cap=cap, bias=self.relative, dropout=dropout)

    def source(
        self, memory: Float[Tensor, "b s d"], real: Bool[Tensor, "b s"] | None = None
    ) -> Source:
        """Keys and values of another sequence, whose places are no positions: it is not rotated."""
        made = self.qkv.only(memory, "k", "v")
        keys, values = made.split([self.qkv.parts["k"], self.qkv.parts["v"]], dim=-1)
        return Source(
            rearrange(keys, "b s (g k) -> b g s k", k=self.head_width),
            rearrange(values, "b s (g c) -> b g s c", c=self.value_width),
            real,
        )

    def look(self, x: Float[Tensor, "b t d"], source: Source) -> Float[Tensor, "b t d"]:
        """What every token gathers from the source."""
        q = rearrange(self.qkv.only(x, "q"), "b t (h k) -> b h t k", k=self.head_width)
        mixed = source.attend(q, self.weighing)
        return self.out(rearrange(mixed, "b h t c -> b t (h c)"))

    def new_state(self, rows: int, capacity: int) -> KeyValueCache | RingCache:
        """An empty past of `rows` texts of at most `capacity` tokens each, beside the weights."""
        weight = self.qkv.weight
        return cache_for(
            self.scope,
            rows,
            capacity,
            self.kv_heads,
            (self.head_width, self.value_width),
            device=weight.device,
            dtype=weight.dtype,
        )
