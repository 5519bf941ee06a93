"""A block whose four matrices are packed, read with one call per token instead of some fifty.

Norms, the gate of the feed-forward and the sums with the stream are done beside the matrices they
stand next to, and what attention does between its matrices is one step over its cache. The numbers
are those of `BlockLayer` up to the order of sums. This is for blocks of the usual kind that read
one token per row, while nothing is differentiated; all else goes the way of `BlockLayer`. Hooks on
the block's parts are not called.
"""

from functools import lru_cache
from typing import cast

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from practicum.kernels.block_step import Blocks, BlockWeights, Map, block_step
from practicum.kernels.packed_linear import Normed
from practicum.kernels.prepacked import inferring
from practicum.kernels.rotary import turns
from practicum.nn.attention import AttentionLayer
from practicum.nn.cache import KeyValueCache
from practicum.nn.mlp import MLPLayer
from practicum.nn.norms import RMSNormLayer
from practicum.nn.packed_linear import PackedLinearLayer
from practicum.nn.paged import PagedCache
from practicum.nn.source import Source
from practicum.nn.stack import BlockLayer
from practicum.nn.state import Kept, Reading


class PackedBlockLayer(BlockLayer):
    """The block that was given to `of`, and its parts."""

    @classmethod
    def of(cls, block: BlockLayer) -> "PackedBlockLayer":
        """A block of the same parts as `block`, of which `usual` is true."""
        made = cls.__new__(cls)
        made.__dict__ = block.__dict__.copy()
        return made

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        state: Reading | None = None,
        source: Source | None = None,
    ) -> Float[Tensor, "b t d"]:
        memory = None
        if x.shape[1] == 1 and x.dtype == torch.float32 and inferring():
            memory = blocks_of(state, x.device)
        if memory is None or not isinstance(state, Kept):
            return super().forward(x, state, source)
        held = self.held()
        if self._weights is None or self._held != held:
            self._weights, self._held = Blocks([self.weights()]), held
        keys, values, tables, lengths = memory
        turns = turns_of(self, state, x.device)
        y = block_step(x, self._weights, turns, [(keys, values)], tables, lengths)
        state.counted(1)
        return y

    def held(self) -> tuple[int, ...]:
        """What is another tuple as soon as `weights` are others.

        By address, for a parameter that is moved stays the same object; and past what a module does
        when it is asked for a part by name, which costs a microsecond each.
        """
        own = vars(self)["_modules"]
        mixer, ffn = vars(own["mixer"])["_modules"], vars(own["ffn"])["_modules"]
        layers = mixer["qkv"], mixer["out"], ffn["up"], ffn["down"]
        norms = [vars(own[name])["_parameters"]["weight"] for name in ("mixer_norm", "ffn_norm")]
        return (*[id(x.matrix) for x in layers], *[weight.data_ptr() for weight in norms])

    def weights(self) -> BlockWeights:
        """What the parts hold now."""
        mixer, ffn = cast(AttentionLayer, self.mixer), cast(MLPLayer, self.ffn)
        layers = [cast(PackedLinearLayer, x) for x in (mixer.qkv, mixer.out, ffn.up, ffn.down)]
        maps = [Map(matrix=x.matrix, bias=x.bias) for x in layers]
        before, after = (_normed(cast(RMSNormLayer, x)) for x in (self.mixer_norm, self.ffn_norm))
        return BlockWeights(
            mixer_norm=before,
            qkv=maps[0],
            out=maps[1],
            ffn_norm=after,
            up=maps[2],
            down=maps[3],
            heads=mixer.heads,
            scale=mixer.scale,
        )

    _weights: Blocks | None = None
    _held: tuple[int, ...] = ()


def usual(block: nn.Module) -> bool:
    """Whether a `PackedBlockLayer` can stand in this block's place.

    Four packed matrices; each part after an RMSNorm; attention to everything, by scores alone, its
    queries and keys plain or turned; a feed-forward gated by SiLU.
    """
    if type(block) is not BlockLayer or block.cross is not None or block.parallel:
        return False
    mixer, ffn = block.mixer, block.ffn
    if not isinstance(mixer, AttentionLayer) or not isinstance(ffn, MLPLayer):
        return False
    about, norms = mixer.description, (block.mixer_norm, block.ffn_norm)
    matrices = (mixer.qkv, mixer.out, ffn.up, ffn.down)
    return (
        (block.norms, block.residual) == ("before", 1.0)
        and all(isinstance(norm, RMSNormLayer) for norm in norms)
        and all(isinstance(matrix, PackedLinearLayer) for matrix in matrices)
        and (about.window, about.relative, about.cap, about.clip) == (None,) * 4
        and about.qk_norm is None
        and (ffn.gated, ffn.activation) == (True, "silu")
    )


def blocks_of(
    state: Reading | None, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Keys, values, tables and lengths (with the next token) of what has been kept, if in blocks.

    A cache in a rectangle is a pool of one block per row. None: of another kind, or full.
    """
    if not isinstance(state, Kept) or state.real(1, device) is not None:
        return None
    if isinstance(state, PagedCache):
        pool, paging = state.pool, state.paging
        return pool.keys, pool.values, paging.tables, paging.after
    if isinstance(state, KeyValueCache) and max(state.lengths) < state.keys.shape[2]:
        return state.keys, state.values, *_rectangle(tuple(state.lengths), state.keys.device)
    return None


@lru_cache(maxsize=2)  # the same for all blocks of a stack
def _rectangle(lengths: tuple[int, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Row i's only block is block i; and the lengths after one more token."""
    table = torch.arange(len(lengths), dtype=torch.int32, device=device)[:, None]
    return table, torch.tensor(lengths, dtype=torch.int32, device=device) + 1


def turns_of(
    block: PackedBlockLayer, state: Kept, device: torch.device
) -> Float32[Tensor, "#b 1 2 half"] | None:
    """How queries and keys of the next token are turned."""
    mixer = cast(AttentionLayer, block.mixer)
    if (rope := mixer.description.positions) is None:
        return None
    return turns(state.positions(1, device), rope.table(mixer.head_width, state.reach(1), device))


def _normed(norm: RMSNormLayer) -> Normed:
    return Normed(weight=norm.weight.float(), eps=norm.eps, plus=1.0 if norm.plus_one else 0.0)
