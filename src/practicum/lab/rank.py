"""Spearman's rank correlation: does one number rise with another, however unevenly?"""

import math
from collections.abc import Sequence
from statistics import fmean

from practicum.errors import ConfigError


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Pearson's correlation of the ranks, in [−1, 1]; equal values share their mean rank.

    0 where one of them does not vary, since nothing follows from it.
    Raises ConfigError for unequal or too short sequences.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ConfigError(
            f"ranks of {len(x)} and {len(y)} values; expected equally many, 2 or more"
        )
    a, b = ranks(x), ranks(y)
    mean_a, mean_b = fmean(a), fmean(b)
    product = math.fsum((i - mean_a) * (j - mean_b) for i, j in zip(a, b, strict=True))
    spread = math.fsum((i - mean_a) ** 2 for i in a) * math.fsum((j - mean_b) ** 2 for j in b)
    return product / math.sqrt(spread) if spread else 0.0


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value, from 1 for the smallest; equal values share their mean place."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    return [first[value] + (ordered.count(value) - 1) / 2 for value in values]
