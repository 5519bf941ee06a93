"""Blocks on a residual stream: x ← x + mixer(norm(x)); x ← x + ffn(norm(x)).

The norm stands before each part (Radford et al. 2019, §2.3), with one more after the last block.
A stack repeats its pattern of blocks until it is `depth` deep.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm, Norm
from practicum.nn.state import KeyValueCache, Packed, Whole, positions_of


@dataclass(frozen=True, kw_only=True)
class Block:
    """A mixer and, unless None, a feed-forward, each behind a norm of its own."""

    mixer: Attention
    ffn: MLP | None
    norm: Norm = LayerNorm()
    dropout: float = 0.0  # on what each part adds to the stream, while training

    def __post_init__(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"Block.dropout is {self.dropout}; expected 0 ≤ dropout < 1")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """`depth` blocks of `width`; a tuple of blocks is a pattern that repeats."""

    width: int
    depth: int
    block: Block | tuple[Block, ...]
    final_norm: bool = True

    def __post_init__(self) -> None:
        if self.width < 1 or self.depth < 1:
            raise ConfigError(
                f"a stack of width {self.width} and depth {self.depth}; both must be at least 1"
            )
        if self.depth % len(self.pattern):
            raise ConfigError(
                f"a pattern of {len(self.pattern)} blocks does not divide a depth of {self.depth}"
            )

    @property
    def pattern(self) -> tuple[Block, ...]:
        """The blocks that repeat."""
        return self.block if isinstance(self.block, tuple) else (self.block,)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """One description per layer, from the bottom."""
        return self.pattern * (self.depth // len(self.pattern))

    def build(self) -> "StackLayer":
        return StackLayer(self)


class StackState:
    """The states of a stack's blocks, which have all read the same tokens."""

    def __init__(self, blocks: Sequence[KeyValueCache]) -> None:
        self.blocks = list(blocks)

    @property
    def lengths(self) -> list[int]:
        return self.blocks[0].lengths

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]:
        return positions_of(tuple(self.lengths), t, device)

    def reach(self, t: int) -> int:
        return max(self.lengths) + t

    def of_block(self, index: int) -> KeyValueCache:
        return self.blocks[index]

    def select(self, rows: Sequence[int]) -> None:
        for block in self.blocks:
            block.select(rows)

    def fork(self, row: int, copies: int) -> None:
        """Leave `copies` rows that have all read what `row` has read, and no others."""
        self.select([row] * copies)

    def truncate(self, lengths: Sequence[int]) -> None:
        for block in self.blocks:
            block.truncate(lengths)

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self.blocks)


Past = StackState | Packed | Whole


class BlockLayer(nn.Module):
    def __init__(self, width: int, description: Block) -> None:
        super().__init__()
        self.dropout = description.dropout
        self.mixer_norm = description.norm.build(width)
        self.mixer = description.mixer.build(width)
        self.ffn_norm = description.norm.build(width) if description.ffn else None
        self.ffn = description.ffn.build(width) if description.ffn else None

    def forward(
        self, x: Float[Tensor, "b t d"], state: KeyValueCache | Packed | Whole | None = None
    ) -> Float[Tensor, "b t d"]:
        x = x + self._drop(self.mixer(self.mixer_norm(x), state))
        if self.ffn is None or self.ffn_norm is None:
            return x
        return x + self._drop(self.ffn(self.ffn_norm(x)))

    def _drop(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        return F.dropout(x, self.dropout) if self.training and self.dropout else x


class StackLayer(nn.Module):
    def __init__(self, description: Stack) -> None:
        super().__init__()
        width = description.width
        self.blocks = nn.ModuleList(BlockLayer(width, block) for block in description.blocks)
        last = description.blocks[-1]
        self.final_norm = last.norm.build(width) if description.final_norm else None

    def forward(self, x: Float[Tensor, "b t d"], past: Past) -> Float[Tensor, "b t d"]:
        for index, block in enumerate(self.blocks):
            x = block(x, past.of_block(index))
        return x if self.final_norm is None else self.final_norm(x)

    def new_state(self, rows: int, capacity: int) -> StackState:
        """Empty states for `rows` texts of at most `capacity` tokens each."""
        layers = cast(Iterable[BlockLayer], self.blocks)
        return StackState([layer.mixer.new_state(rows, capacity) for layer in layers])
