"""Sequences of unequal length as one rectangle."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def padded(rows: Sequence[Sequence[int]]) -> tuple[Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
    """The rows filled up with 0 on the right to the length of the longest, and where they are real.

    At least one row; it may be empty.
    """
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row, dtype=torch.long)
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]
