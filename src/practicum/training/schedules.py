"""Learning rates over time, as a factor of the peak rate, each after a linear warm-up.

At step s of n (both counted from 0) with a warm-up of w steps the factor is (s + 1)/w while s < w;
after that p = (s − w)/(n − w) runs from 0 towards 1 and the schedule decides.
"""

import math
from dataclasses import dataclass

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Constant:
    """1 after the warm-up."""

    def after_warmup(self, step: int, warmup: int, steps: int) -> float:
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """From 1 to `floor` along half a cosine: floor + (1 − floor)(1 + cos πp)/2."""

    floor: float = 0.1

    def after_warmup(self, step: int, warmup: int, steps: int) -> float:
        part = _part(step, warmup, steps)
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True, kw_only=True)
class Linear:
    """From 1 to `floor` along a line."""

    floor: float = 0.0

    def after_warmup(self, step: int, warmup: int, steps: int) -> float:
        return 1 - (1 - self.floor) * _part(step, warmup, steps)


@dataclass(frozen=True, kw_only=True)
class InverseSqrt:
    """√(w/(s + 1)) (Vaswani et al. 2017, eq. 3, scaled so that the peak is 1)."""

    def after_warmup(self, step: int, warmup: int, steps: int) -> float:
        return math.sqrt(max(1, warmup) / (step + 1))


@dataclass(frozen=True, kw_only=True)
class HeldInverseSqrt:
    """√(`hold`/max(s + 1, `hold`)): 1 for so many steps, whatever the warm-up (Raffel et al. 2019).

    T5's rate 1/√max(n, 10⁴) is this schedule of a peak of 0.01 (§3.1.2).
    """

    hold: int = 10_000

    def __post_init__(self) -> None:
        if self.hold < 1:
            raise ConfigError(f"HeldInverseSqrt.hold is {self.hold}; expected at least 1")

    def after_warmup(self, step: int, warmup: int, steps: int) -> float:
        return math.sqrt(self.hold / max(step + 1, self.hold))


Schedule = Constant | Cosine | Linear | InverseSqrt | HeldInverseSqrt


def factor(schedule: Schedule, step: int, *, warmup: int, steps: int) -> float:
    """The factor of the peak rate at `step` (0 ≤ step < steps)."""
    if step < warmup:
        return (step + 1) / warmup
    return schedule.after_warmup(step, warmup, steps)


def _part(step: int, warmup: int, steps: int) -> float:
    return (step - warmup) / max(1, steps - warmup)
