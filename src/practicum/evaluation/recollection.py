"""What a frozen linear state remembers: a whole signal, told from the last state alone.

The state after T steps of x_t = Ā x_{t−1} + B̄ u_t is linear in the signal,

    x_T = Σ_s Ā^{T−1−s} B̄ u_s,    s = 0 … T − 1

so what one input leaves behind says it all. The reader is linear, too: ridge regression, each
number of the state in units of its own spread.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from practicum.kernels.low_rank_system import LowRankSystem


@torch.no_grad()
def last_traces(system: LowRankSystem, length: int) -> Float64[Tensor, "h t m"]:
    """What an input of 1 at each of `length` steps leaves in the last state, [Re x, Im x]."""
    x, unit = torch.zeros_like(system.poles)[None], torch.ones_like(system.step)[None]
    found = []
    for _ in range(length):
        x = system.advance(x, unit)
        unit = torch.zeros_like(unit)
        found.append(torch.cat([x.real, x.imag], dim=-1))
    return torch.cat(found[::-1]).transpose(0, 1)


def recollection_error(
    traces: Float64[Tensor, "t m"],
    known: Float64[Tensor, "r t"],
    unseen: Float64[Tensor, "q t"],
    *,
    ridge: float,
) -> tuple[float, Float64[Tensor, "q t"]]:
    """‖û − u‖/‖u‖ over the `unseen` signals, and û: read by what was fitted to the `known` ones.

    `ridge` is a share of the variance of the state's numbers: how exactly they can be seen.
    """
    states, asked = known @ traces, unseen @ traces
    spread = states.std(0).clamp_min(1e-300)
    states, asked = states / spread, asked / spread
    penalty = ridge * len(states) * torch.eye(states.shape[1], dtype=states.dtype)
    reader = torch.linalg.solve(states.T @ states + penalty, states.T @ known)
    told = asked @ reader
    return float((told - unseen).norm() / unseen.norm()), told
