"""One claimed slope of a function laid beside the slope measured from its values.

    error = |a − n| / max(|a|, |n|, 1e-8)        a claimed, n measured

where n is the centred difference with step h · max(1, |x|), or a complex step. A slope is right
with an error of at most 1e-7. One that is not is asked again before it counts as wrong: steps of
other sizes are extrapolated, and where ±h straddles a kink any slope between the left and the right
one is right to 1e-4. What the rounding of f hides, a difference below 4ε|f|/h, is no error: there
the floor 1e-8 is higher.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from practicum.autograd.differences import (
    CENTRED_STEP,
    Function,
    complex_slope,
    extrapolated,
    nudged,
    step_at,
)
from practicum.errors import ConfigError

ROUNDING = float(np.finfo(float).eps)
SMALLEST = 1e-8  # slopes below are compared to this
SHRINK = 4.0  # from one step to the next in the test for kinks
CLEAR = 1000.0  # times the rounding: a jump that three steps can follow


@dataclass(frozen=True, kw_only=True)
class Check:
    """How slopes are measured and how near they have to be."""

    by: Literal["centred", "complex"] | None = None  # None: complex where the function takes it
    h: float = CENTRED_STEP  # times max(1, |x|)
    smooth: float = 1e-7
    kinked: float = 1e-4
    most: int = 200  # slopes checked per tensor; of a larger one that many, drawn
    seed: int = 0  # for the draw

    def __post_init__(self) -> None:
        if not 0 < self.h < 1 or not 0 < self.smooth <= self.kinked or self.most < 1:
            raise ConfigError(
                f"a check needs 0 < h < 1, 0 < smooth ≤ kinked and most ≥ 1; got h {self.h:g}, "
                f"smooth {self.smooth:g}, kinked {self.kinked:g}, most {self.most}"
            )


USUAL = Check()


@dataclass(frozen=True, kw_only=True)
class Slope:
    """One entry of a gradient: what was claimed, what was measured."""

    place: tuple[int, ...]
    claimed: float
    measured: float
    error: float
    right: bool
    sides: tuple[float, float] | None = None  # left and right slope where ±h straddles a kink


def judged_slope(f: Function, x: np.ndarray, place: int, claimed: float, how: Check) -> Slope:
    """The slope of `f` along entry `place` (in row order) of `x`, and whether `claimed` is it.

    Raises ConfigError where `f` is not finite within a step of `x`.
    """
    at = float(x.flat[place])
    step = step_at(at, how.h)
    down, up = nudged(f, x, place, -step), nudged(f, x, place, step)
    if not np.isfinite([down, up]).all():
        raise ConfigError(
            f"the function is not finite {step:g} beside {at:g}, at "
            f"{list(_index(x, place))}; move the input away from that edge, or take a smaller h"
        )
    measured = (up - down) / (2 * step)
    rounding = 4 * ROUNDING * max(abs(up), abs(down)) / step
    floor = max(SMALLEST, rounding / how.smooth)
    if how.by == "complex":  # nothing is subtracted, so rounding hides nothing
        measured, floor = complex_slope(f, x, place), SMALLEST
    error = _error(claimed, measured, floor)
    if error > how.smooth:
        sides = _sides_of_kink(f, x, place, step, CLEAR * rounding)
        if sides is not None:
            return _at_kink(x, place, claimed, measured, sides, how)
    if error > how.smooth and how.by != "complex":
        other = extrapolated(f, x, place)
        if _error(claimed, other, floor) < error:
            measured, error = other, _error(claimed, other, floor)
    return Slope(
        place=_index(x, place),
        claimed=claimed,
        measured=measured,
        error=error,
        right=error <= how.smooth,
    )


def _error(claimed: float, measured: float, floor: float) -> float:
    return abs(claimed - measured) / max(abs(claimed), abs(measured), floor)


def _index(x: np.ndarray, place: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(place, x.shape))


def _sides_of_kink(
    f: Function, x: np.ndarray, place: int, step: float, clear: float
) -> tuple[float, float] | None:
    """The left and right slope at the finest step, or None where f bends smoothly.

    Where f is smooth the two differ by h f″, four times less when the step is; a kink at x keeps
    them apart, and one within the step lets go of them all at once.
    """
    middle = nudged(f, x, place, 0.0)
    sides, jumps = [], []
    for h in (step, step / SHRINK, step / SHRINK**2):
        left = (middle - nudged(f, x, place, -h)) / h
        right = (nudged(f, x, place, h) - middle) / h
        sides.append((left, right))
        jumps.append(abs(right - left))
    smooth = all(SHRINK / 2 * b < a < SHRINK * 2 * b for a, b in pairwise(jumps))
    leaps = jumps[-1] > 2 * jumps[0]  # f itself jumps
    return None if smooth or leaps or jumps[0] < clear else sides[-1]


def _at_kink(
    x: np.ndarray,
    place: int,
    claimed: float,
    measured: float,
    sides: tuple[float, float],
    how: Check,
) -> Slope:
    low, high = sorted(sides)
    away = max(low - claimed, claimed - high, 0.0)
    error = away / max(abs(claimed), abs(low), abs(high), SMALLEST)
    return Slope(
        place=_index(x, place),
        claimed=claimed,
        measured=measured,
        error=error,
        right=error <= how.kinked,
        sides=sides,
    )
