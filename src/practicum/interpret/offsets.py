"""Where heads look, counted from where they stand: the mark of a head that reads positions.

    share(o) = mean over queries t with a place t + o of weights[t, t + o]

A head whose share at one offset is near 1 looks there whatever it reads (Voita et al. 2019, §5:
positional heads); one that follows words spreads over many.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ConfigError


def offset_shares(weights: Float[Tensor, "b h t s"], reach: int) -> Float[Tensor, "h o"]:
    """The share of each head at the offsets −reach … reach, the middle one being the query itself.

    Raises ConfigError where no query has a place so far away.
    """
    longest = min(weights.shape[-2:])
    if not 0 <= reach < longest:
        raise ConfigError(f"a reach of {reach} in rows of {longest}; expected 0 to {longest - 1}")
    diagonals = [
        weights.diagonal(offset, dim1=-2, dim2=-1).mean(dim=(0, 2))
        for offset in range(-reach, reach + 1)
    ]
    return torch.stack(diagonals, dim=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Favourites:
    """The offset at which each head looks most, and with what share of its weight."""

    offsets: Int[Tensor, " h"]
    shares: Float[Tensor, " h"]

    def positional(self, share: float = 0.5) -> int:
        """How many heads look at one offset with at least this share of their weight."""
        return int((self.shares >= share).sum())


def favourites(shares: Float[Tensor, "h o"]) -> Favourites:
    """What `offset_shares` says of each head."""
    largest = shares.max(dim=1)
    reach = shares.shape[1] // 2
    return Favourites(offsets=largest.indices - reach, shares=largest.values)
