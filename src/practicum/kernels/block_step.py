"""One new token per row through the blocks of a decoder, in one call for all of them.

    x ← x + W_out attention(turned(W_qkv norm(x)));   x ← x + W_down (silu(gate) ⊙ up),
    (gate, up) = W_up norm(x)

with packed matrices and keys and values in a pool for each block, which is changed in place: the
parts are `packed_linear` and `paged_step`. Called one by one from Python, thirty blocks of a small
model take half as long again.
"""

import ctypes
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float32, Int
from torch import Tensor

from practicum.kernels import native
from practicum.kernels.packed_linear import Gated, Normed, address, packed_linear
from practicum.kernels.packed_matrix import Grouped, Packed
from practicum.kernels.paged_step import Turns, paged_step


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """A packed matrix and its bias."""

    matrix: Packed
    bias: Float32[Tensor, " outputs"] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockWeights:
    """All that a block holds."""

    mixer_norm: Normed
    qkv: Map
    out: Map
    ffn_norm: Normed
    up: Map  # gate and up
    down: Map
    heads: int
    scale: float  # of the scores


class Blocks(tuple[BlockWeights, ...]):
    """The weights of blocks that follow each other."""

    @cached_property
    def addresses(self) -> ctypes.Array["_Block"]:
        """Where everything lies. Valid as long as these weights are."""
        return (_Block * len(self))(*map(_block, self))

    def __deepcopy__(self, memo: Mapping[int, Any]) -> None:
        """None: a copied network has weights of its own, and gathers them when asked."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(None), ())


Pools = Sequence[tuple[Float32[Tensor, "n g w k"], Float32[Tensor, "n g w c"]]]
"""Keys and values of each block."""


def block_step_reference(
    x: Float32[Tensor, "b 1 d"],
    blocks: Blocks,
    turns: Turns | None,
    pools: Pools,
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
) -> Float32[Tensor, "b 1 d"]:
    """Part by part. `lengths` count the new tokens. Judges `block_step`."""
    for block, pool in zip(blocks, pools, strict=True):
        qkv = packed_linear(x, block.qkv.matrix, block.qkv.bias, before=block.mixer_norm)
        about = {"heads": block.heads, "scale": block.scale}
        mixed = paged_step(qkv, turns, *pool, tables, lengths, **about)
        x = packed_linear(mixed, block.out.matrix, block.out.bias, added=x)
        hidden = packed_linear(x, block.up.matrix, block.up.bias, before=block.ffn_norm)
        x = packed_linear(hidden, block.down.matrix, block.down.bias, before=Gated(), added=x)
    return x


def block_step(
    x: Float32[Tensor, "b 1 d"],
    blocks: Blocks,
    turns: Turns | None,
    pools: Pools,
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
) -> Float32[Tensor, "b 1 d"]:
    """`block_step_reference` in C++ where it can be: on CPUs.

    The pools have one shape; one for each block, or AssertionError.
    """
    assert len(pools) == len(blocks), f"{len(pools)} pools for {len(blocks)} blocks"
    keys, values = pools[0]
    compiled = native.library() if keys.device.type == "cpu" else None
    parts = (tables, lengths, x if turns is None else turns)
    fits = all(part.is_contiguous() for part in (*parts, *itertools.chain(*pools)))
    if compiled is None or not fits or not tables.dtype == lengths.dtype == torch.int32:
        return block_step_reference(x, blocks, turns, pools, tables, lengths)
    (_, g, w, k), c = keys.shape, values.shape[-1]
    y = x.clone(memory_format=torch.contiguous_format)
    half, alike = (0, 0) if turns is None else (turns.shape[-1], len(turns))
    places = [
        (ctypes.c_void_p * len(pools))(*map(address, each)) for each in zip(*pools, strict=True)
    ]
    failed = compiled.block_step(
        *(ctypes.addressof(blocks.addresses), len(blocks), y.data_ptr(), address(turns)),
        *(*map(ctypes.addressof, places), tables.data_ptr(), lengths.data_ptr()),
        *(len(x), g, k, c, w, tables.shape[1], half, alike, torch.get_num_threads()),
    )
    assert not failed, f"rows of {lengths.tolist()} tokens in {tables.shape[1] * w} places"
    return y


class _Map(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("codes", "scales", "minima", "bias")),
        *((name, ctypes.c_int64) for name in ("inputs", "outputs", "stored")),
    )


class _Norm(ctypes.Structure):
    _fields_ = (("weight", ctypes.c_void_p), ("eps", ctypes.c_float), ("plus", ctypes.c_float))


class _Block(ctypes.Structure):
    _fields_ = (
        *((name, _Map) for name in ("qkv", "out", "up", "down")),
        *((name, _Norm) for name in ("mixer_norm", "ffn_norm")),
        *(("heads", ctypes.c_int64), ("scale", ctypes.c_float)),
    )


def _block(block: BlockWeights) -> _Block:
    maps = (_map(each) for each in (block.qkv, block.out, block.up, block.down))
    norms = (_norm(norm) for norm in (block.mixer_norm, block.ffn_norm))
    return _Block(*maps, *norms, heads=block.heads, scale=block.scale)


def _map(each: Map) -> _Map:
    matrix = each.matrix
    grouped = isinstance(matrix, Grouped)
    codes = matrix.codes if grouped else matrix.numbers
    scales, minima = (matrix.scales, matrix.minima) if grouped else (None, None)
    places = map(address, (codes, scales, minima, each.bias))
    return _Map(*places, matrix.inputs, matrix.outputs, matrix.bits)


def _norm(norm: Normed) -> _Norm:
    return _Norm(address(norm.weight), norm.eps, norm.plus)
