"""Attention whose values are wider or narrower than its queries and keys.

The fused kernel has one width per head; zeros that fill up the narrower side change neither a
product of queries and keys nor a mixture of values.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.attention import attention


def uneven_attention(
    q: Float[Tensor, "b h t k"],
    k: Float[Tensor, "b h s k"],
    v: Float[Tensor, "b h s c"],
    *,
    causal: bool = False,
    scale: float,
) -> Float[Tensor, "b h t c"]:
    """softmax(scale · q kᵀ) v with `c` numbers per value; `causal`: query i sees keys 0…i."""
    missing = v.shape[-1] - k.shape[-1]
    if missing > 0:
        q, k = F.pad(q, (0, missing)), F.pad(k, (0, missing))
    mixed = attention(q, k, F.pad(v, (0, max(-missing, 0))), causal=causal, scale=scale)
    return mixed[..., : v.shape[-1]]
