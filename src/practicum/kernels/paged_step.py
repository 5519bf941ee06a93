"""One new token per row: queries and keys turned, keys and values put into their blocks, and read.

What attention does between its two matrices at a decoding step, in one call: `rotate`, a write to
the pool and `paged_attention` (which see), from what the first matrix makes of each token,
(queries, keys, values) side by side. The pool is changed in place.
"""

import torch
from einops import rearrange
from jaxtyping import Float32, Int
from torch import Tensor

from practicum.kernels import native
from practicum.kernels.paged_attention import paged_attention_reference
from practicum.kernels.rotary import rotate

Turns = Float32[Tensor, "#b 1 2 half"]


def paged_step_reference(
    qkv: Float32[Tensor, "b 1 wide"],
    turns: Turns | None,
    keys: Float32[Tensor, "n g w k"],
    values: Float32[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    heads: int,
    scale: float,
    window: int | None = None,
) -> Float32[Tensor, "b 1 hc"]:
    """Part by part. `lengths` count the new tokens. Judges `paged_step`."""
    (_, g, w, k), c = keys.shape, values.shape[-1]
    qk, v = qkv.split([(heads + g) * k, g * c], dim=-1)
    qk = rearrange(qk, "b t (h k) -> b h t k", k=k)
    qk = qk if turns is None else rotate(qk, turns)
    place = lengths.long() - 1
    block = tables.long().gather(1, (place // w)[:, None])[:, 0]
    keys[block, :, place % w] = qk[:, heads:, 0]
    values[block, :, place % w] = rearrange(v, "b 1 (g c) -> b g c", c=c)
    q = qk[:, :heads]
    read = paged_attention_reference(q, keys, values, tables, lengths, scale=scale, window=window)
    return rearrange(read, "b h t c -> b t (h c)")


def paged_step(
    qkv: Float32[Tensor, "b 1 wide"],
    turns: Turns | None,
    keys: Float32[Tensor, "n g w k"],
    values: Float32[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    heads: int,
    scale: float,
    window: int | None = None,
) -> Float32[Tensor, "b 1 hc"]:
    """`paged_step_reference` in C++ where it can be: on CPUs. `qkv` is written over."""
    device = keys.device
    whole = keys.is_contiguous() and values.is_contiguous() and qkv.is_contiguous()
    compiled = native.library() if whole and device.type == "cpu" else None
    if compiled is None or (turns is not None and not turns.is_contiguous()):
        return paged_step_reference(
            qkv, turns, keys, values, tables, lengths, heads=heads, scale=scale, window=window
        )
    b, (_, g, w, k), c = len(qkv), keys.shape, values.shape[-1]
    tables, lengths = tables.int().contiguous(), lengths.int().contiguous()
    out = torch.empty(b, 1, heads * c)
    half, alike, turned = (0, 0, None) if turns is None else (turns.shape[-1], len(turns), turns)
    failed = compiled.paged_step(
        *(qkv.data_ptr(), None if turned is None else turned.data_ptr(), keys.data_ptr()),
        *(values.data_ptr(), tables.data_ptr(), lengths.data_ptr(), out.data_ptr()),
        *(b, heads, g, k, c, w, tables.shape[1], half, alike),
        *(window or 0, scale, torch.get_num_threads()),
    )
    assert not failed, f"rows of {lengths.tolist()} tokens in {tables.shape[1] * w} places"
    return out
