"""A linear recurrence by blocks: what w steps do together, as three matrices and a kernel.

    x_t = Ā x_{t−1} + B̄ u_t,   y_t = C x_t

    x' = Ā^w x + (Ā^{w−1}B̄ … ĀB̄ B̄) u,   y = (CĀ; …; CĀ^w) x + K̄ ∗ u,   K̄ = (CB̄, …, CĀ^{w−1}B̄)

A long signal that follows a state then takes t/w steps one after the other, each a few matrix
products, instead of t. The matrices are made by doubling: Ā^2w = Ā^w Ā^w, and so for the others.
Here `h` are independent systems, `m` the numbers of a state, all real.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class BlockedSystem:
    """The matrices of `width` steps."""

    power: Float[Tensor, "h m m"]  # Ā^w
    write: Float[Tensor, "h m w"]
    read: Float[Tensor, "h w m"]
    within: Float[Tensor, "h w w"]  # K̄ as the matrix of a convolution

    @property
    def width(self) -> int:
        return self.read.shape[1]

    def advance(
        self, x: Float[Tensor, "b h m"], u: Float[Tensor, "b w h"]
    ) -> tuple[Float[Tensor, "b h m"], Float[Tensor, "b w h"]]:
        """The state after a block, and y of every step in it."""
        y = torch.einsum("hwm,bhm->bwh", self.read, x)
        y = y + torch.einsum("hws,bsh->bwh", self.within, u)
        x = torch.einsum("hmn,bhn->bhm", self.power, x)
        return x + torch.einsum("hmw,bwh->bhm", self.write, u), y


def blocked(
    a: Float[Tensor, "h m m"],
    b: Float[Tensor, "h m"],
    c: Float[Tensor, "h m"],
    *,
    doublings: int,
) -> BlockedSystem:
    """The system of Ā, B̄ and C in blocks of 2^`doublings` steps."""
    power, write, read = a, b[..., None], c[:, None] @ a
    for _ in range(doublings):
        write = torch.cat([power @ write, write], dim=2)
        read = torch.cat([read, read @ power], dim=1)
        power = power @ power
    kernel = torch.cat([c[:, None], read[:, :-1]], dim=1) @ b[..., None]
    place = torch.arange(read.shape[1], device=a.device)
    lag = place[:, None] - place
    within = torch.where(lag >= 0, kernel[..., 0][:, lag.clamp(min=0)], 0)
    return BlockedSystem(power, write, read, within)
