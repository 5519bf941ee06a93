"""One vector of many states: their mean, their largest numbers, or the first of them.

    mean  Σ_t r_t h_t / Σ_t r_t      max  max over t with r_t of h_t      cls  h₀

with r_t = 1 where a token is real and 0 at padding (Reimers & Gurevych 2019, §3).
"""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

How = Literal["mean", "max", "cls"]
HOWS: tuple[How, ...] = get_args(How)


def pooled(
    states: Float[Tensor, "b t d"], real: Bool[Tensor, "b t"], how: How
) -> Float[Tensor, "b d"]:
    """A vector of each row, whose first token is real; in float32 at least."""
    wide = states.float() if states.dtype.itemsize < 4 else states
    if how == "cls":
        return wide[:, 0]
    if how == "max":
        return wide.masked_fill(~real[:, :, None], -torch.inf).amax(1)
    counts = real.sum(1, keepdim=True)
    return wide.masked_fill(~real[:, :, None], 0.0).sum(1) / counts
