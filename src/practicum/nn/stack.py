"""Blocks on a residual stream: x ← x + part(norm(x)), part by part.

The parts are a mixer, a look at a source where there is one, and a feed-forward. The norm stands
before each part (Radford et al. 2019, §2.3), with one more after the last block; or after each sum,
x ← norm(x + part(x)) (Vaswani et al. 2017, §3.1); or on both sides of a part, x ← x +
norm(part(norm(x))) (Gemma 2). In parallel, mixer and feed-forward read the same norm of the stream,
x ← x + mixer(norm(x)) + ffn(norm(x)) (Wang & Komatsuzaki 2021). A stack repeats its pattern of
blocks until it is `depth` deep.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.nn.attention import Attention, AttentionLayer
from practicum.nn.experts import Experts
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm, Norm
from practicum.nn.relative import BucketsLayer
from practicum.nn.selective import Selective
from practicum.nn.self_reader import SelfReader
from practicum.nn.source import Source
from practicum.nn.state import Kept, Past, Reading, Snapshot, positions_of
from practicum.nn.state_space import StateSpace


@dataclass(frozen=True, kw_only=True)
class Block:
    """A mixer and, unless None, a look at a source and a feed-forward, each with its own norm."""

    mixer: Attention | SelfReader | StateSpace | Selective
    ffn: MLP | Experts | None
    cross: Attention | None = None  # reads the source, between the two
    norm: Norm = LayerNorm()
    norms: Literal["before", "after", "both"] = "before"  # each part, or its sum with the stream
    parallel: bool = False  # mixer and feed-forward side by side, after one norm
    residual: float = 1.0  # what each part adds is multiplied by it
    dropout: float = 0.0  # on what each part adds to the stream, while training

    def __post_init__(self) -> None:
        if self.cross is not None and (self.cross.positions or self.cross.window):
            raise ConfigError("Block.cross has positions or a window; a source has neither")
        if self.parallel and (self.ffn is None or self.cross or self.norms != "before"):
            raise ConfigError(
                "Block.parallel sets a mixer beside a feed-forward after one norm; it needs a "
                "feed-forward, no cross and norms='before'"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"Block.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

    @property
    def attention(self) -> Attention:
        """The mixer of a block that must have this one. Raises ModelError where it is another."""
        if not isinstance(self.mixer, Attention):
            raise ModelError(f"a block mixes by {type(self.mixer).__name__}, expected Attention")
        return self.mixer


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
    """The states of a stack's blocks, which have all read the same tokens, and their sources."""

    def __init__(self, blocks: Sequence[Kept], sources: Sequence[Source | None] = ()) -> None:
        self.blocks = list(blocks)
        self.sources = list(sources)

    @property
    def lengths(self) -> list[int]:
        return self.blocks[0].lengths

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]:
        return positions_of(tuple(self.lengths), t, device)

    def reach(self, t: int) -> int:
        return max(self.lengths) + t

    def of_block(self, index: int) -> Kept:
        return self.blocks[index]

    def expect(self, counts: Sequence[int]) -> None:
        """Of the tokens that come next, only the first counts[i] of row i are real."""
        for block in self.blocks:
            block.expect(counts)

    def select(self, rows: Sequence[int]) -> None:
        for kept in (*self.blocks, *self.sources):
            if kept is not None:
                kept.select(rows)

    def fork(self, row: int, copies: int) -> None:
        """Leave `copies` rows that have all read what `row` has read, and no others."""
        self.select([row] * copies)

    def truncate(self, lengths: Sequence[int]) -> None:
        for block in self.blocks:
            block.truncate(lengths)

    def snapshot(self) -> list[Snapshot]:
        """The past as it is now, from which other tokens may be tried."""
        return [block.snapshot() for block in self.blocks]

    def restore(self, before: Sequence[Snapshot]) -> None:
        """Be as at the time of the snapshot, since when tokens were only appended."""
        for block, then in zip(self.blocks, before, strict=True):
            block.restore(then)

    @property
    def nbytes(self) -> int:
        return sum(kept.nbytes for kept in (*self.blocks, *self.sources) if kept is not None)


class BlockLayer(nn.Module):
    def __init__(self, width: int, description: Block) -> None:
        super().__init__()
        self.dropout, self.norms = description.dropout, description.norms
        self.parallel, self.residual = description.parallel, description.residual
        norm, cross, ffn = description.norm, description.cross, description.ffn
        own = None if description.parallel else ffn
        both = description.norms == "both"
        self.mixer_norm = norm.build(width)
        self.mixer = description.mixer.build(width)
        self.mixer_norm_after = norm.build(width) if both else None
        self.cross_norm = norm.build(width) if cross else None
        self.cross = cross.build(width) if cross else None
        self.cross_norm_after = norm.build(width) if cross and both else None
        self.ffn_norm = norm.build(width) if own else None
        self.ffn = ffn.build(width) if ffn else None
        self.ffn_norm_after = norm.build(width) if own and both else None

    @property
    def attention(self) -> AttentionLayer:
        """The mixer of a block that must have this one. Raises ModelError where it is another."""
        if not isinstance(self.mixer, AttentionLayer):
            raise ModelError(f"a block mixes by {type(self.mixer).__name__}, expected attention")
        return self.mixer

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        state: Reading | None = None,
        source: Source | None = None,
    ) -> Float[Tensor, "b t d"]:
        if self.parallel and self.ffn is not None:
            normed = self.mixer_norm(x)
            return x + self._weighed(self.mixer(normed, state)) + self._weighed(self.ffn(normed))
        x = self._add(x, self.mixer_norm, lambda x: self.mixer(x, state), self.mixer_norm_after)
        if (cross := self.cross) is not None and self.cross_norm is not None:
            if source is None:
                raise ModelError("this block looks at a source; give it one")
            look = self.cross_norm_after
            x = self._add(x, self.cross_norm, lambda x: cross.look(x, source), look)
        if self.ffn is not None and self.ffn_norm is not None:
            x = self._add(x, self.ffn_norm, self.ffn, self.ffn_norm_after)
        return x

    def _add(
        self,
        x: Float[Tensor, "b t d"],
        norm: nn.Module,
        part: Callable[[Tensor], Tensor],
        after: nn.Module | None,
    ) -> Float[Tensor, "b t d"]:
        if self.norms == "after":
            return norm(x + self._weighed(part(x)))
        made = part(norm(x))
        return x + self._weighed(made if after is None else after(made))

    def _weighed(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        """What a part adds, as it is added."""
        if self.training and self.dropout:
            x = F.dropout(x, self.dropout)
        return x if self.residual == 1.0 else x * self.residual


class StackLayer(nn.Module):
    def __init__(self, description: Stack) -> None:
        super().__init__()
        width = description.width
        self.blocks = nn.ModuleList(BlockLayer(width, block) for block in description.blocks)
        last = description.blocks[-1]
        self.final_norm = last.norm.build(width) if description.final_norm else None
        self._share_tables()

    def _share_tables(self) -> None:
        """Let all blocks have the first one's table of relative positions where they are to."""
        shared = None
        for block in cast(Iterable[BlockLayer], self.blocks):
            mixer = block.mixer
            table = mixer.relative if isinstance(mixer, AttentionLayer) else None
            if isinstance(table, BucketsLayer) and table.description.shared:
                shared = mixer.relative = shared or table

    def forward(
        self, x: Float[Tensor, "b t d"], past: Past, sources: Sequence[Source | None] = ()
    ) -> Float[Tensor, "b t d"]:
        """`sources`, where the blocks look at one, come from `self.sources`."""
        for index, block in enumerate(self.blocks):
            x = block(x, past.of_block(index), sources[index] if sources else None)
        return x if self.final_norm is None else self.final_norm(x)

    def sources(
        self, memory: Float[Tensor, "b s d"], real: Bool[Tensor, "b s"] | None = None
    ) -> list[Source | None]:
        """What each block looks at: keys and values it makes of the same `memory`."""
        crosses = [layer.cross for layer in cast(Iterable[BlockLayer], self.blocks)]
        return [None if cross is None else cross.source(memory, real) for cross in crosses]

    def new_state(
        self, rows: int, capacity: int, sources: Sequence[Source | None] = ()
    ) -> StackState:
        """Empty states for `rows` texts of at most `capacity` tokens each, beside their sources."""
        layers = cast(Iterable[BlockLayer], self.blocks)
        return StackState([layer.mixer.new_state(rows, capacity) for layer in layers], sources)
