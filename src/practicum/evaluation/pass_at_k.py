"""pass@k: the chance that one of k samples solves a problem (Chen et al. 2021, §2.1, eq. 1).

    pass@k = E over problems [ 1 − C(n − c, k) / C(n, k) ]

n samples were drawn for a problem and c of them are right. The quotient is the share of k-subsets
without a right one, so the estimate is unbiased for any n ≥ k, where the plug-in 1 − (1 − c/n)ᵏ is
biased low. As a product, 1 − Π_{i=n−c+1}^{n} (1 − k/i), no binomial is ever formed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from practicum.errors import ConfigError
from practicum.lab.intervals import bootstrap_interval

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Of one problem: how many samples were drawn, and how many of them are right."""

    samples: int  # n ≥ 1
    right: int  # 0 ≤ c ≤ n

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 <= self.right <= self.samples:
            raise ConfigError(
                f"{self.right} of {self.samples} samples cannot be right; expected at least one "
                "sample, and from none to all of them right"
            )


@dataclass(frozen=True, kw_only=True)
class PassRate:
    """pass@k over some problems."""

    k: int
    mean: float  # in [0, 1]
    interval: tuple[float, float] | None  # 95 %, bootstrap over problems; None for a single one
    problems: int


def pass_at_k(tally: Tally, k: int) -> float:
    """The unbiased estimate for one problem, in [0, 1]; 1.0 where fewer than k samples are wrong.

    Raises ConfigError for k < 1 and for more than were drawn: of n samples nothing follows about k.
    """
    _check(tally, k)
    n, c = tally.samples, tally.right
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def plug_in(tally: Tally, k: int) -> float:
    """1 − (1 − c/n)ᵏ, the estimate that is biased low; for comparison. Errors as `pass_at_k`."""
    _check(tally, k)
    return 1.0 - (1.0 - tally.right / tally.samples) ** k


def pass_rate(tallies: Sequence[Tally], k: int, *, generator: "np.random.Generator") -> PassRate:
    """pass@k over problems, with the interval that other problems of this kind might have given.

    It holds the spread between problems and, within it, that of the samples drawn for each.
    Raises ConfigError for no problems, and as `pass_at_k`.
    """
    if not tallies:
        raise ConfigError("pass@k of no problems; give at least one")
    values = [pass_at_k(tally, k) for tally in tallies]
    interval = bootstrap_interval(values, generator=generator)
    return PassRate(k=k, mean=fmean(values), interval=interval, problems=len(values))


def _check(tally: Tally, k: int) -> None:
    if not 1 <= k <= tally.samples:
        raise ConfigError(
            f"pass@{k} cannot be told from {tally.samples} samples; expected k from 1 to "
            f"{tally.samples}, or draw more samples"
        )
