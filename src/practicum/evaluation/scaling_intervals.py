"""How sure a scaling law and a plan drawn from it are: fitted again to runs drawn from the runs.

The bootstrap: as many runs as there are, drawn with replacement, give another law; what lies
between the 10th and the 90th percentile of what these laws say is the interval. Few runs, or a plan
far from all of them, make it wide.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from practicum.errors import TrainingError
from practicum.evaluation.scaling_fit import ScalingLaw, TrainingPlan, fit_law

LOW, HIGH = 10.0, 90.0  # percentiles


def resampled_laws(
    runs: Float[ndarray, "runs 3"], count: int, rng: np.random.Generator
) -> list[ScalingLaw]:
    """`count` laws of rows (parameters, tokens, loss) drawn with replacement.

    A draw with fewer than three sizes or lengths is drawn again. Raises DataError as `fit_law`.
    """
    law, laws = fit_law(runs), list[ScalingLaw]()
    while len(laws) < count:
        drawn = runs[rng.integers(len(runs), size=len(runs))]
        if min(len(set(drawn[:, column].tolist())) for column in (0, 1)) >= 3:
            laws.append(fit_law(drawn, near=law))
    return laws


def plans(
    laws: Sequence[ScalingLaw], plan: Callable[[ScalingLaw], TrainingPlan]
) -> list[TrainingPlan]:
    """What each law plans; none of a law by which it cannot be done."""
    found = []
    for law in laws:
        with suppress(TrainingError):
            found.append(plan(law))
    return found


def interval(values: Sequence[float], asked: int) -> tuple[float, float] | None:
    """Between which numbers `asked` laws put it; None where more than one in five do not say."""
    if not values or len(values) < 0.8 * asked:
        return None
    low, high = np.percentile(values, [LOW, HIGH])
    return float(low), float(high)
