"""Intervals for the mean of a few values: Student's t (1908), and Efron's bootstrap (1979).

With mean m, sample deviation s and n values Student's is  m ± t(1 − α/2, n − 1) · s/√n.
The quantile t comes from the finite series for whole degrees of freedom (Abramowitz & Stegun 1964,
26.7.3 and 26.7.4), so that no further library is needed. Degrees that are not whole are not served.

The bootstrap assumes no shape: it draws n of the n values with replacement, many times, and takes
the quantiles α/2 and 1 − α/2 of the means so drawn. It suits many values in a skewed heap, such as
the returns of episodes; of five values it knows too little.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from practicum.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000  # the quantiles then wander by about 1 % of the interval's width


def t_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """(low, high) around the mean of `values`, ends included; None for fewer than two values.

    Equal values give the point itself, with no rounding.
    """
    if len(values) < 2:
        return None
    if min(values) == max(values):
        return (float(values[0]), float(values[0]))
    middle = fmean(values)
    half = (
        t_quantile((1 + confidence) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    )
    return (middle - half, middle + half)


def bootstrap_interval(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    generator: "np.random.Generator",
) -> tuple[float, float] | None:
    """(low, high) around the mean of `values`, ends included; None for fewer than two values."""
    if len(values) < 2:
        return None
    count = len(values)
    means = sorted(
        fmean(values[place] for place in places)
        for places in generator.integers(count, size=(RESAMPLES, count)).tolist()
    )
    tail = (1 - confidence) / 2
    first, last = math.floor(tail * RESAMPLES), math.ceil((1 - tail) * RESAMPLES) - 1
    return (means[first], means[last])


def t_quantile(probability: float, degrees: int) -> float:
    """The t that a Student variable with `degrees` ≥ 1 stays below with `probability` in (0, 1)."""
    if not 0 < probability < 1 or degrees < 1:
        raise ConfigError(
            f"no t quantile at probability {probability} with {degrees} degrees of freedom; "
            "expected a probability between 0 and 1 and at least one degree"
        )
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees)
    wanted = 2 * probability - 1
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):  # until the floats are neighbours
        if _within(middle, degrees) < wanted:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _within(angle: float, degrees: int) -> float:
    """A(t|ν), the probability of |T| ≤ t, at θ = arctan(t/√ν) = `angle`.

    ν odd:  2/π · (θ + sin θ · (cos θ + 2/3 cos³θ + … + (2·4…(ν−3))/(3·5…(ν−2)) cos^{ν−2}θ))
    ν even: sin θ · (1 + 1/2 cos²θ + … + (1·3…(ν−3))/(2·4…(ν−2)) cos^{ν−2}θ)
    """
    odd = degrees % 2
    cosine = math.cos(angle)
    term, total = cosine if odd else 1.0, 0.0
    for power in range(odd, degrees - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cosine * cosine
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if odd else series
