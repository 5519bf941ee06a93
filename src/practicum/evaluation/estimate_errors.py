"""How far estimates of pass@k are off, by drawing: what `pass_at_k` and the plug-in are worth.

The number of right samples out of n is binomial where each is right with chance p, and what is to
be estimated is 1 − (1 − p)ᵏ (Chen et al. 2021, appendix A). The plug-in is biased low since that is
concave in p, the more so the fewer samples there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from practicum.evaluation.pass_at_k import Tally, pass_at_k, plug_in
from practicum.seeding import derive


@dataclass(frozen=True, kw_only=True)
class EstimateError:
    """The mean error of both estimates where every sample is right with this chance."""

    chance: float
    unbiased: float
    plug_in: float


def estimate_errors(
    chances: Sequence[float], *, samples: int, k: int, draws: int, seed: int
) -> list[EstimateError]:
    """The errors at each chance, means over `draws` tallies of so many samples.

    Raises ConfigError for k above `samples`.
    """
    tallies = [Tally(samples=samples, right=right) for right in range(samples + 1)]
    unbiased = np.array([pass_at_k(each, k) for each in tallies])
    plugged = np.array([plug_in(each, k) for each in tallies])
    found = []
    for number, chance in enumerate(chances):
        rng = np.random.default_rng(derive(seed, "tallies", number))
        right, truth = rng.binomial(samples, chance, draws), 1 - (1 - chance) ** k
        found.append(
            EstimateError(
                chance=chance,
                unbiased=float(unbiased[right].mean()) - truth,
                plug_in=float(plugged[right].mean()) - truth,
            )
        )
    return found
