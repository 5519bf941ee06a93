"""Attention to keys and values that lie in blocks of a shared pool (Kwon et al. 2023, §4.1).

A row's table names, in order, the blocks in which its tokens lie: the token at position p is in
block table[p ÷ w] at place p mod w. `lengths` counts the tokens of a row *with* the new ones, whose
keys and values already lie in the pool: of t queries, query j of row i stands at position
lengths[i] − t + j, sees the tokens up to itself, and with a window the latest W of these. Every row
has at least t tokens. Query head i reads key-value head ⌊i·g/h⌋.

What a table names beyond a row's length is not looked at, but the reference multiplies it by zero:
it has to be numbers.
"""

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from practicum.kernels import native
from practicum.kernels.attention import attention

FEW = 16


def gathered(
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
) -> tuple[Float[Tensor, "b g s k"], Float[Tensor, "b g s c"]]:
    """Keys and values of every row in the order of its tokens, copied; s = m · w."""
    index = tables.long()
    inline = "b m g w k -> b g (m w) k"
    return rearrange(keys[index], inline), rearrange(values[index], inline)


def paged_attention_reference(
    q: Float[Tensor, "b h t k"],
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    scale: float,
    window: int | None = None,
) -> Float[Tensor, "b h t c"]:
    """The blocks gathered, then `attention` with a mask. Judges `paged_attention`."""
    t, device = q.shape[2], q.device
    k, v = gathered(keys, values, tables)
    query = (lengths[:, None] - t + torch.arange(t, device=device))[:, :, None]
    key = torch.arange(k.shape[2], device=device)
    seen = key <= query
    if window is not None:
        seen = seen & (key > query - window)
    return attention(q, k, v, mask=seen[:, None], scale=scale)


def paged_attention(
    q: Float[Tensor, "b h t k"],
    keys: Float[Tensor, "n g w k"],
    values: Float[Tensor, "n g w c"],
    tables: Int[Tensor, "b m"],
    lengths: Int[Tensor, " b"],
    *,
    scale: float,
    window: int | None = None,
) -> Float[Tensor, "b h t c"]:
    """`paged_attention_reference` without a copy of the blocks, in C++ or Triton where it can be.

    That is for up to `FEW` queries per row, where nothing is differentiated: on CPUs in float32, on
    GPUs in float32 and half precision, with nothing but shapes deciding what is run.
    """
    if q.is_cuda and _few(q, keys, values):  # Triton takes a while to load; a CPU has no use for it
        from practicum.kernels.paged_attention_triton import paged_attention_triton, usable

        if usable(q, keys, values):
            return paged_attention_triton(
                q, keys, values, tables, lengths, scale=scale, window=window
            )
    compiled = _fits(q, keys, values) and native.library()
    if not compiled:
        return paged_attention_reference(
            q, keys, values, tables, lengths, scale=scale, window=window
        )
    (b, h, t, k), (_, g, w, c) = q.shape, values.shape
    q = q if q.stride(-1) == 1 else q.contiguous()
    tables, lengths = tables.int().contiguous(), lengths.int().contiguous()
    out = torch.empty(b, h, t, c)
    failed = compiled.paged_attention(
        *(q.data_ptr(), *q.stride()[:3]),
        *(keys.data_ptr(), values.data_ptr(), tables.data_ptr(), lengths.data_ptr()),
        *(out.data_ptr(), b, h, g, t, k, c, w, tables.shape[1]),
        *(window or 0, scale, torch.get_num_threads()),
    )
    assert not failed, (
        f"rows of {lengths.tolist()} tokens, {t} of them new, in {tables.shape[1] * w}"
    )
    return out


def _fits(q: Tensor, keys: Tensor, values: Tensor) -> bool:
    plain = all(x.device.type == "cpu" and x.dtype == torch.float32 for x in (q, keys, values))
    whole = keys.is_contiguous() and values.is_contiguous()
    return plain and whole and _few(q, keys, values)


def _few(q: Tensor, keys: Tensor, values: Tensor) -> bool:
    differentiated = any(x.requires_grad for x in (q, keys, values))
    return q.shape[2] <= FEW and len(q) > 0 and not differentiated
