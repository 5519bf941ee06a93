"""What the store keeps of a study, as plain values: all that a verdict or a picture may use."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

RunState = Literal["pending", "running", "done", "failed"]
Curve = tuple[tuple[int, float], ...]  # (step, value) by rising step; nan where it was not finite


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the numbers of a study come from."""

    slug: str
    preset: str
    setup: dict[str, Any]  # the configuration as JSON data
    fingerprint: str  # of slug, configuration and code: equal when nothing has to run again
    code: str  # of the page and what it reaches alone: a verdict is stale when it changes
    versions: dict[str, str]
    device: str
    wall_seconds: float  # summed over the runs
    created: str  # UTC, ISO 8601: when the last run ended


@dataclass(frozen=True, kw_only=True)
class Run:
    """One arm at one seed."""

    arm: str
    seed: int
    state: RunState
    numbers: dict[str, float | None] = field(default_factory=dict)  # None: not a finite number
    error: str = ""  # one line, when it failed
    seconds: float = 0.0
    curves: dict[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The runs of a study that were asked for, those without numbers too, seeds outermost."""

    origin: Origin
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]

    def run(self, arm: str, seed: int) -> Run:
        """The run of `arm` at `seed`; a pending one where the store has none."""
        for run in self.runs:
            if run.arm == arm and run.seed == seed:
                return run
        return Run(arm=arm, seed=seed, state="pending")

    def values(self, arm: str, metric: str) -> list[float]:
        """The finite values of `metric` over the done runs of `arm`, in the order of the seeds."""
        found = [self.run(arm, seed) for seed in self.seeds]
        numbers = [run.numbers.get(metric) for run in found if run.state == "done"]
        return [number for number in numbers if number is not None]

    def curves(self, arm: str, name: str) -> list[Curve]:
        """The curves called `name` of the done runs of `arm`, in the order of the seeds."""
        found = [self.run(arm, seed) for seed in self.seeds]
        return [run.curves[name] for run in found if run.state == "done" and name in run.curves]

    @property
    def failures(self) -> tuple[Run, ...]:
        """The asked runs that have no numbers."""
        return tuple(run for run in self.runs if run.state != "done")


def finite(value: float | None) -> float | None:
    """`value`, or None where it is no finite number: neither JSON nor SQLite can keep a nan."""
    return None if value is None or not math.isfinite(value) else float(value)
