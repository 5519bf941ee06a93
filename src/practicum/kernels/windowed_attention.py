"""Attention to the latest W tokens of a whole text, in time and memory O(t · W).

Query m sees key n when m − W < n ≤ m (Beltagy et al. 2020, §3.1; Jiang et al. 2023, §2.1). Cut into
blocks of W, the queries of a block see the keys of their own and of the one before, and no others:
each block is one small attention over 2W keys, and a mask of all pairs is never made.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.attention import attention, attention_reference


def windowed_attention_reference(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g t k"],
    v: Float[Tensor, "b g t c"],
    *,
    window: int,
    scale: float,
) -> Float[Tensor, "b h t c"]:
    """With the mask of all pairs. Judges `windowed_attention`."""
    place = torch.arange(q.shape[2], device=q.device)
    seen = (place <= place[:, None]) & (place > place[:, None] - window)
    return attention_reference(q, k, v, seen[None, None], scale)


def windowed_attention(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g t k"],
    v: Float[Tensor, "b g t c"],
    *,
    window: int,
    scale: float,
    dropout: float = 0.0,
) -> Float[Tensor, "b h t c"]:
    """Block by block: the first sees itself alone, every other one itself and the one before."""
    t = q.shape[2]
    if window >= t:
        return attention(q, k, v, causal=True, scale=scale, dropout=dropout)
    first = attention(
        *(x[:, :, :window] for x in (q, k, v)), causal=True, scale=scale, dropout=dropout
    )
    short = -t % window
    q, k, v = (F.pad(x, (0, 0, 0, short)) for x in (q, k, v))
    blocks = q.shape[2] // window - 1
    queries = rearrange(q[:, :, window:], "b h (n w) k -> (b n) h w k", w=window)
    keys, values = (_with_the_one_before(x, window) for x in (k, v))
    place = torch.arange(window, device=q.device)
    other = torch.arange(-window, window, device=q.device)
    seen = (other <= place[:, None]) & (other > place[:, None] - window)
    rest = attention(queries, keys, values, mask=seen[None, None], scale=scale, dropout=dropout)
    rest = rearrange(rest, "(b n) h w c -> b h (n w) c", n=blocks)
    return torch.cat([first, rest], dim=2)[:, :, :t]


def _with_the_one_before(x: Float[Tensor, "b g t k"], window: int) -> Float[Tensor, "bn g w2 k"]:
    """Every block but the first, after the block before it."""
    blocks = x.unfold(2, 2 * window, window)  # b g n k 2w, a view
    return rearrange(blocks, "b g n k w -> (b n) g w k")
