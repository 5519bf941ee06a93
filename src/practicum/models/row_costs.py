"""What a row of n words on either side costs a network from sequence to sequence.

`row_cost` counts, without computing anything; `seconds_per_update` computes. An update's products
are three times those of reading forwards: the gradients of both factors cost as much again each.
"""

import time
from dataclasses import dataclass

import torch
from torch import nn

from practicum.models.build import Described, build
from practicum.models.chains import longest_chain, operations


@dataclass(frozen=True, kw_only=True)
class RowCost:
    """Of one pair of rows of `length` words, read forwards once."""

    length: int
    chain: int  # operations that wait for one another
    products: int  # floating-point operations of matrix products


def row_cost(description: Described[nn.Module], length: int) -> RowCost:
    """Counted on the meta device: the same for every machine."""
    model = build(description, device="meta")
    ids = torch.zeros(1, length, dtype=torch.long, device="meta")
    scores, products = operations(lambda: model(ids, ids))
    return RowCost(length=length, chain=longest_chain(scores), products=products)


def seconds_per_update(
    model: nn.Module, length: int, *, rows: int, repeats: int = 2, device: str = "cpu"
) -> float:
    """The fastest of `repeats` forward and backward passes over `rows` pairs, after a first one."""
    ids = torch.zeros(rows, length, dtype=torch.long, device=device)
    taken: list[float] = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        model(ids, ids).logsumexp(-1).sum().backward()
        if device != "cpu":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
        model.zero_grad()
    return min(taken[1:])
