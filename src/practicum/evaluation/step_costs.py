"""What one more token costs after so many others: seconds of a step, and bytes of what is kept."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from practicum.decoding.model import reading
from practicum.models.counts import state_bytes
from practicum.models.decoder import DecoderModel


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """For the token at `position`, counted from 0."""

    position: int
    seconds: float
    nbytes: int


def step_costs(
    model: DecoderModel, positions: Sequence[int], *, rows: int, rounds: int
) -> list[StepCost]:
    """The least of `rounds` measurements at each position, the positions in turn.

    The past is not read: how long a step takes depends on how much is kept, not on what it says.
    """
    device = next(model.parameters()).device
    token = torch.zeros(rows, 1, dtype=torch.long, device=device)
    seconds = dict.fromkeys(positions, float("inf"))
    with reading(model):
        state = model.new_state(rows, max(positions) + 1)
        for _ in range(1 + rounds):  # the first of them to warm up
            for position in positions:
                for block in state.blocks:
                    block.lengths = [position] * rows
                start = time.perf_counter()
                model.logits(model.hidden(token, state)).argmax(-1).tolist()
                seconds[position] = min(seconds[position], time.perf_counter() - start)
    return [
        StepCost(position=p, seconds=s, nbytes=state_bytes(model.description, rows, p + 1))
        for p, s in seconds.items()
    ]
