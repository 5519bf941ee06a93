"""How many bits a machine gives back wrongly."""

from collections.abc import Sequence

import torch
from torch import nn

from practicum.data.bit_tasks import BitRows
from practicum.objectives.bits import Bits


@torch.no_grad()
def bits_wrong(model: nn.Module, examples: Sequence[BitRows]) -> float:
    """The share of scored bits that are said wrongly: half of them by guessing."""
    batch = Bits().prepare(examples, torch.Generator()).to(next(model.parameters()).device)
    said = model(batch.inputs)[batch.scored] > 0
    return float((said != (batch.wanted[batch.scored] > 0.5)).float().mean())
