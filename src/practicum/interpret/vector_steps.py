"""Self-attention for one word in six steps, as The Illustrated Transformer draws it (Alammar 2018).

    1  q, k, v of the word, by three matrices          4  softmax: weights over all words
    2  scores: the dot product of q with every k       5  every value times its weight
    3  divided by √k (8 for keys of 64)                6  their sum, z

for each head by itself; then the z of all heads, side by side, times W_O. The layer does the same
for all words at once, softmax(Q Kᵀ/√k) V, and through a fused kernel: tests hold them equal.
"""

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor

from practicum.kernels.attention import attention_reference
from practicum.nn.attention import AttentionLayer


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Everything that happens to one word in one head."""

    query: Float[Tensor, " k"]
    keys: Float[Tensor, "s k"]
    values: Float[Tensor, "s c"]
    scores: Float[Tensor, " s"]
    scaled: Float[Tensor, " s"]
    weights: Float[Tensor, " s"]
    weighted: Float[Tensor, "s c"]
    z: Float[Tensor, " c"]


def vector_steps(
    layer: AttentionLayer, x: Float[Tensor, "t d"], place: int, *, causal: bool = False
) -> list[Steps]:
    """The steps of the word at `place` of a text, for each head."""
    qkv = layer.qkv
    q, k, v = (x @ qkv.weight[qkv.rows(part)].T for part in ("q", "k", "v"))
    if qkv.bias is not None:
        q, k, v = (
            made + qkv.bias[qkv.rows(part)]
            for made, part in zip((q, k, v), ("q", "k", "v"), strict=True)
        )
    seen = place + 1 if causal else len(x)
    group = layer.heads // layer.kv_heads
    steps = []
    for head in range(layer.heads):
        shared = head // group
        query = q[place, head * layer.head_width : (head + 1) * layer.head_width]
        keys = k[:seen, shared * layer.head_width : (shared + 1) * layer.head_width]
        values = v[:seen, shared * layer.value_width : (shared + 1) * layer.value_width]
        scores = torch.stack([query.dot(key) for key in keys])
        scaled = scores * layer.scale
        weights = scaled.exp() / scaled.exp().sum()
        weighted = weights[:, None] * values
        steps.append(
            Steps(
                query=query,
                keys=keys,
                values=values,
                scores=scores,
                scaled=scaled,
                weights=weights,
                weighted=weighted,
                z=weighted.sum(0),
            )
        )
    return steps


def merged(layer: AttentionLayer, steps: list[Steps]) -> Float[Tensor, " d"]:
    """W_O [z_1 … z_h]: what attention gives for the word."""
    return layer.out(torch.cat([head.z for head in steps]))


def matrix_form(
    layer: AttentionLayer, x: Float[Tensor, "t d"], *, causal: bool = False
) -> Float[Tensor, "t d"]:
    """softmax(Q Kᵀ/√k) V of all words at once, as written, times W_O."""
    t = len(x)
    qk, v = layer.qkv(x[None]).split(layer.split, dim=-1)
    qk = rearrange(qk, "b t (h k) -> b h t k", k=layer.head_width)
    q, k = qk.split([layer.heads, layer.kv_heads], dim=1)
    v = rearrange(v, "b t (g c) -> b g t c", c=layer.value_width)
    mixed = attention_reference(q, k, v, _mask(t, causal)[None, None], layer.scale)
    return layer.out(rearrange(mixed, "b h t c -> b t (h c)"))[0]


def _mask(t: int, causal: bool) -> Bool[Tensor, "t t"]:
    full = torch.ones(t, t, dtype=torch.bool)
    return full.tril() if causal else full
