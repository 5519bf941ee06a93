"""Attention as a mixer: multi-head, grouped and multi-query, rotary, windowed; self and cross.

q, k, v = W_qkv x;  y = W_o [softmax(scale · q kᵀ) v] per head (Vaswani et al. 2017, §3.2). With
`kv_heads < heads` several query heads share a key-value head (Ainslie et al. 2023); `kv_heads=1` is
multi-query (Shazeer 2019). How the past is kept and what a query sees is the state's business.

`forward` reads the sequence itself. For cross-attention `source` makes keys and values of another
sequence and `look` reads them; the weights and their layout are the same.
"""

from dataclasses import dataclass

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.rotary import rotate, turns
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import Rope
from practicum.nn.source import Source
from practicum.nn.state import KeyValueCache, Reading, Whole


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
    window: int | None = None  # a token sees itself and the window − 1 before it
    scale: float | None = None  # None: 1/√head_width
    dropout: float = 0.0  # on the attention weights, while training

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ConfigError(f"Attention.heads is {self.heads}; expected at least 1")
        if self.kv_heads is not None and (self.kv_heads < 1 or self.heads % self.kv_heads):
            raise ConfigError(
                f"{self.heads} query heads cannot share {self.kv_heads} key-value heads evenly"
            )
        if self.window is not None and self.window < 1:
            raise ConfigError(f"Attention.window is {self.window}; expected at least 1 token")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"Attention.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

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
        if description.positions is not None and self.head_width % 2:
            raise ConfigError(f"rotary positions need an even head width, not {self.head_width}")
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

    def forward(
        self, x: Float[Tensor, "b t d"], state: Reading | None = None
    ) -> Float[Tensor, "b t d"]:
        reading = Whole() if state is None else state
        # split, not slices: the gradient of a split is one concatenation
        qk, v = self.qkv(x).split(self.split, dim=-1)
        qk = rearrange(qk, "b t (h k) -> b h t k", k=self.head_width)
        v = rearrange(v, "b t (g c) -> b g t c", c=self.value_width)
        rope = self.description.positions
        if rope is not None:
            positions = reading.positions(x.shape[1], x.device)
            # tables are made for powers of two, so that a growing text makes few of them
            length = max(256, 1 << (reading.reach(x.shape[1]) - 1).bit_length())
            qk = rotate(qk, turns(positions, self.head_width, rope.base, length))
        q, k = qk.split([self.heads, self.kv_heads], dim=1)
        dropout = self.description.dropout if self.training else 0.0
        window = self.description.window
        mixed = reading.attend(q, k, v, scale=self.scale, window=window, dropout=dropout)
        return self.out(rearrange(mixed, "b h t c -> b t (h c)"))

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
        dropout = self.description.dropout if self.training else 0.0
        mixed = source.attend(q, scale=self.scale, dropout=dropout)
        return self.out(rearrange(mixed, "b h t c -> b t (h c)"))

    def new_state(self, rows: int, capacity: int) -> KeyValueCache:
        """An empty cache of `capacity` tokens for each of `rows`, beside the weights."""
        weight = self.qkv.weight
        return KeyValueCache(
            rows,
            capacity,
            self.kv_heads,
            (self.head_width, self.value_width),
            device=weight.device,
            dtype=weight.dtype,
        )
