"""Scaled dot-product attention on raw tensors (Vaswani et al. 2017, eq. 1), with shared key heads.

Query head i reads key-value head ⌊i·g/h⌋ (Ainslie et al. 2023, §2.2): g = h is multi-head,
g = 1 multi-query. Values may have a width c of their own. Dropout on the weights is left to the
caller's generator state.
"""

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def attention_reference(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g s k"],
    v: Float[Tensor, "b g s c"],
    mask: Bool[Tensor, "#b 1 t s"],
    scale: float,
) -> Float[Tensor, "b h t c"]:
    """softmax(scale · q kᵀ) v as written; `mask` is true where a query may look."""
    group = q.shape[1] // k.shape[1]
    keys, values = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    scores = torch.einsum("bhtk,bhsk->bhts", q, keys) * scale
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    return torch.einsum("bhts,bhsc->bhtc", weights, values)


def attention(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g s k"],
    v: Float[Tensor, "b g s c"],
    *,
    mask: Bool[Tensor, "#b 1 t s"] | None = None,
    causal: bool = False,
    scale: float,
    dropout: float = 0.0,
) -> Float[Tensor, "b h t c"]:
    """`attention_reference` through torch's fused kernel.

    `causal` says that query i sees keys 0…i and needs no mask; with neither, every key is seen.
    """
    heads, kv_heads, t = q.shape[1], k.shape[1], q.shape[2]
    if heads == kv_heads:
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal, scale=scale, dropout_p=dropout
        )
    if t == 1 and not causal:
        # One query per head: the heads of a group stand as queries of one head, so that the
        # shared keys are read once and copied never.
        folded = rearrange(q, "b (g r) 1 k -> b g r k", g=kv_heads)
        read = F.scaled_dot_product_attention(
            folded, k, v, attn_mask=mask, scale=scale, dropout_p=dropout
        )
        return rearrange(read, "b g r c -> b (g r) 1 c")
    group = heads // kv_heads
    return F.scaled_dot_product_attention(
        q,
        k.repeat_interleave(group, dim=1),
        v.repeat_interleave(group, dim=1),
        attn_mask=mask,
        is_causal=causal,
        scale=scale,
        dropout_p=dropout,
    )
