"""One new token per row: queries and keys turned, keys and values put into their blocks, and read.

What attention does between its two matrices at a decoding step, in one call: `rotate`, a write to
the pool and `paged_attention` (which see), from what the first matrix makes of each token,
(queries, keys, values) side by side. The pool is changed in place.
"""

from collections.abc import Callable

import torch
from einops import rearrange
from jaxtyping import Float, Float32, Int
from torch import Tensor

from practicum.kernels import native
from practicum.kernels.paged_attention import paged_attention, paged_attention_reference
from practicum.kernels.rotary import rotate

Turns = Float32[Tensor, "#b 1 2 half"]


def paged_step_reference(
    qkv: Float[Tensor, "b 1 wide"],
    turns: Turns | None,
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    heads: int,
    scale: float,
    window: int | None = None,
) -> Float[Tensor, "b 1 hc"]:
    """Part by part. `lengths` count the new tokens. Judges `paged_step`."""
    about = {"heads": heads, "scale": scale, "window": window}
    read = paged_attention_reference
    return _in_parts(read, qkv, turns, keys, values, tables, lengths, **about)


def _in_parts(
    attend: Callable[..., Float[Tensor, "b h 1 c"]],
    qkv: Float[Tensor, "b 1 wide"],
    turns: Turns | None,
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    heads: int,
    scale: float,
    window: int | None,
) -> Float[Tensor, "b 1 hc"]:
    (_, g, w, k), c = keys.shape, values.shape[-1]
    qk, v = qkv.split([(heads + g) * k, g * c], dim=-1)
    qk = rearrange(qk, "b t (h k) -> b h t k", k=k)
    qk = qk if turns is None else rotate(qk, turns)
    place = lengths.long() - 1
    block = tables.long().gather(1, (place // w)[:, None])[:, 0]
    keys[block, :, place % w] = qk[:, heads:, 0]
    values[block, :, place % w] = rearrange(v, "b 1 (g c) -> b g c", c=c)
    q = qk[:, :heads]
    read = attend(q, keys, values, tables, lengths, scale=scale, window=window)
    return rearrange(read, "b h t c -> b t (h c)")


def paged_step(
    qkv: Float[Tensor, "b 1 wide"],
    turns: Turns | None,
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    heads: int,
    scale: float,
    window: int | None = None,
) -> Float[Tensor, "b 1 hc"]:
    """`paged_step_reference` in C++ where it can be: on CPUs. `qkv` is written over.

    On GPUs it is what `paged_attention` is, and no shape depends on the lengths.
    """
    plain = (x.is_contiguous() and x.dtype == torch.float32 for x in (qkv, keys, values))
    compiled = native.library() if all(plain) and keys.device.type == "cpu" else None
    if compiled is None or (turns is not None and not turns.is_contiguous()):
        about = {"heads": heads, "scale": scale, "window": window}
        read = paged_attention if keys.is_cuda else paged_attention_reference
        return _in_parts(read, qkv, turns, keys, values, tables, lengths, **about)
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
