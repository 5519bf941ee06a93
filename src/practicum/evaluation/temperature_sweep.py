"""pass@k at several temperatures, and which of them is best for how many tries.

Few tries ask for likely programs, many for different ones, so the best temperature grows with k
(Chen et al. 2021, §3.3). Taking the best of several on the same problems flatters a little.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from practicum.evaluation.code_runs import Sample, tally
from practicum.evaluation.pass_at_k import PassRate, pass_rate
from practicum.seeding import derive

T = TypeVar("T")  # a temperature, or None for samples of a file


def swept(
    groups: Mapping[T, Sequence[Sequence[Sample]]], ks: Sequence[int], *, seed: int = 0
) -> dict[T, dict[int, PassRate]]:
    """For each temperature and k pass@k of samples that were run, with intervals over problems.

    `groups` as `by_temperature` gives it. Raises ConfigError for a k above the samples of a
    problem.
    """
    return {
        temperature: {
            k: pass_rate(
                [tally(samples) for samples in problems],
                k,
                generator=np.random.default_rng(derive(seed, "interval", k)),
            )
            for k in ks
        }
        for temperature, problems in groups.items()
    }


def best(sweep: Mapping[T, Mapping[int, PassRate]], k: int) -> T:
    """The temperature of the highest pass@k; of equals the first."""
    return max(sweep, key=lambda temperature: sweep[temperature][k].mean)
