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
    mask: Bool[Tensor, "#b 1 #t s"],
    scale: float,
    bias: Float[Tensor, "#b #h #t s"] | None = None,
) -> Float[Tensor, "b h t c"]:
    """softmax(scale · q kᵀ + bias) v as written; `mask` is true where a query may look."""
    group = q.shape[1] // k.shape[1]
    keys, values = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    scores = torch.einsum("bhtk,bhsk->bhts", q, keys) * scale
    if bias is not None:
        scores = scores + bias
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    return torch.einsum("bhts,bhsc->bhtc", weights, values)


def attention(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g s k"],
    v: Float[Tensor, "b g s c"],
    *,
    mask: Bool[Tensor, "#b 1 #t s"] | None = None,
    causal: bool = False,
    scale: float,
    dropout: float = 0.0,
    bias: Float[Tensor, "#b #h #t s"] | None = None,
) -> Float[Tensor, "b h t c"]:
    """`attention_reference` through torch's fused kernel.

    `causal` says that query i sees keys 0…i and needs no mask; with neither, every key is seen.
    A `bias` excludes `causal`: what may not be seen then stands in the mask.
    """
    heads, kv_heads, t = q.shape[1], k.shape[1], q.shape[2]
    added: Tensor | None = mask
    if bias is not None:
        assert not causal, "a causal kernel takes no bias"
        bias = bias.to(q.dtype)
        added = bias if mask is None else bias.masked_fill(~mask, -torch.inf)
    if heads == kv_heads:
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=added, is_causal=causal, scale=scale, dropout_p=dropout
        )
    if t == 1 and not causal:
        # One query per head: the heads of a group stand as queries of one head, so that the
        # shared keys are read once and copied never.
        folded = rearrange(q, "b (g r) 1 k -> b g r k", g=kv_heads)
        if bias is not None and added is not None:
            each = added.expand(-1, heads, -1, -1)
            added = rearrange(each, "b (g r) 1 s -> b g r s", g=kv_heads)
        read = F.scaled_dot_product_attention(
            folded, k, v, attn_mask=added, scale=scale, dropout_p=dropout
        )
        return rearrange(read, "b g r c -> b (g r) 1 c")
    group = heads // kv_heads
    return F.scaled_dot_product_attention(
        q,
        k.repeat_interleave(group, dim=1),
        v.repeat_interleave(group, dim=1),
        attn_mask=added,
        is_causal=causal,
        scale=scale,
        dropout_p=dropout,
    )


def attention_weights(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b g s k"],
    *,
    mask: Bool[Tensor, "#b 1 #t s"] | None = None,
    scale: float,
    cap: float | None = None,
    bias: Float[Tensor, "#b #h #t s"] | None = None,
) -> Float[Tensor, "b h t s"]:
    """softmax(cap · tanh(scale · q kᵀ / cap) + bias), made and kept in full."""
    grouped = rearrange(q, "b (g r) t k -> b g r t k", g=k.shape[1])
    scores = torch.einsum("bgrtk,bgsk->bgrts", grouped, k) * scale
    scores = rearrange(scores, "b g r t s -> b (g r) t s")
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1)


def mixed(
    weights: Float[Tensor, "b h t s"], v: Float[Tensor, "b g s c"]
) -> Float[Tensor, "b h t c"]:
    """The values of every key, each as much as its weight says."""
    grouped = rearrange(weights, "b (g r) t s -> b g r t s", g=v.shape[1])
    return rearrange(torch.einsum("bgrts,bgsc->bgrtc", grouped, v), "b g r t c -> b (g r) t c")
