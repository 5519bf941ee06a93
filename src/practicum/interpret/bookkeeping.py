"""Whether the accounts of attention add up: patterns, heads, and where the parameters sit."""

from collections.abc import Iterable
from typing import cast

import torch

from practicum.interpret.heads import head_deltas
from practicum.interpret.kept import Trace
from practicum.interpret.tally import Tally
from practicum.models.decoder import DecoderModel
from practicum.nn.stack import BlockLayer

MAPS = ("query", "key", "value", "output")


@torch.no_grad()
def delta_gap(model: DecoderModel, seen: Trace) -> float:
    """How far what the heads add, one by one, is from what attention adds, relative to its size.

    The largest over the layers; `seen` has to keep `mixed` and `attention`.
    """
    largest = 0.0
    blocks = list(cast(Iterable[BlockLayer], model.stack.blocks))
    for layer in seen.layers:
        attention, whole = blocks[layer].attention, seen.at("attention", layer)
        summed = head_deltas(attention, seen.at("mixed", layer)).sum(1)
        if attention.out.bias is not None:
            summed = summed + attention.out.bias
        largest = max(largest, float((summed - whole).norm() / whole.norm()))
    return largest


def row_gap(seen: Trace) -> float:
    """How far the rows of the patterns are from summing to 1."""
    return float((seen.over_layers("weights").sum(-1) - 1).abs().max())


def later_weight(seen: Trace) -> float:
    """The largest weight that any query puts on a token after it."""
    weights = seen.over_layers("weights")
    later = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device).triu(1)
    return float(weights[..., later].max())


def attention_weights(tally: Tally) -> int:
    """Parameters of all query, key, value and output maps."""
    return sum(row.weights for row in tally.rows if row.name in MAPS)
