"""What a model looked at for each word of translations that are known: its soft alignment.

The right words are shown one by one, so the model's own mistakes do not matter.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.data.padding import padded
from practicum.data.parallel import TokenPair
from practicum.errors import DataError


class Aligning(Protocol):
    """A translator that says where it looked, such as a `RecurrentModel` with a search."""

    def alignments(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t s"]:
        """The weight of each source word when the word after each target word is said."""
        ...


def forced_alignments(
    model: Aligning,
    pairs: Sequence[TokenPair],
    *,
    begin: int,
    batch: int = 64,
    device: torch.device | str = "cpu",
) -> list[Float[np.ndarray, "t s"]]:
    """For each pair a row for every target word: the weights of the source words.

    Pairs of similar length go together; the weights are those that a pair has alone.
    Raises DataError for a pair with an empty side.
    """
    if any(not pair.source or not pair.target for pair in pairs):
        raise DataError("a sentence without tokens has no alignment; leave out empty lines")
    order = sorted(range(len(pairs)), key=lambda number: len(pairs[number].source))
    found: list[Float[np.ndarray, "t s"]] = [np.empty((0, 0))] * len(pairs)
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        source, real = padded([pairs[number].source for number in numbers])
        target, _ = padded([(begin, *pairs[number].target[:-1]) for number in numbers])
        with torch.inference_mode():
            weights = model.alignments(source.to(device), target.to(device), real.to(device))
        for number, row in zip(numbers, weights.float().cpu().numpy(), strict=True):
            pair = pairs[number]
            found[number] = row[: len(pair.target), : len(pair.source)].copy()
    return found
