"""A page as data: arms, presets, claims with thresholds, and what a claim sees of one seed."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, final

from practicum.errors import ConfigError, PracticumError, UnknownName
from practicum.lab.rows import Rows

Number = int | float
SEEDS = {"smoke": 1}  # a smoke run shows that a page runs at all; its verdict is open
DEFAULT_SEEDS = 3  # the fewest for which the t factor (4.3) does not drown the effect


class Unmeasured(PracticumError):
    """A claim asked for a number that its run did not produce; the judge says so in the verdict."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A threshold and the side of it that is good."""

    relation: Literal["at least", "at most", "above", "below"]
    threshold: float

    def admits(self, value: float) -> bool:
        """Whether `value` lies on the good side; "at least" and "at most" include the threshold."""
        if self.relation == "at least":
            return value >= self.threshold
        if self.relation == "at most":
            return value <= self.threshold
        return value > self.threshold if self.relation == "above" else value < self.threshold

    def __str__(self) -> str:
        return f"{self.relation} {self.threshold:g}"


@dataclass(frozen=True)
class Rule:
    """A number that can be read off one seed's results, with exactly one threshold."""

    text: str
    _: KW_ONLY
    value: Callable[["Results"], float]
    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None
    source: str = ""  # where in the work the threshold stands
    bound: Bound = field(init=False)

    def __post_init__(self) -> None:
        given: dict[Literal["at least", "at most", "above", "below"], Number | None] = {
            "at least": self.at_least,
            "at most": self.at_most,
            "above": self.above,
            "below": self.below,
        }
        bounds = [Bound(relation=k, threshold=float(v)) for k, v in given.items() if v is not None]
        name = f"{type(self).__name__} '{self.text}'"
        if len(bounds) != 1:
            said = " and ".join(str(bound) for bound in bounds) or "none"
            raise ConfigError(
                f"{name} needs exactly one of at_least, at_most, above, below; got {said}"
            )
        if not self.text.strip() or not math.isfinite(bounds[0].threshold):
            raise ConfigError(f"{name} needs a text and a finite threshold; got {bounds[0]}")
        object.__setattr__(self, "bound", bounds[0])


@final
@dataclass(frozen=True)
class Claim(Rule):
    """What the work says, as a number with a threshold; judged over paired seeds."""


@final
@dataclass(frozen=True)
class Validity(Rule):
    """What must be so at every seed for the claims to mean anything, declared before the runs."""


@final
class Numbers:
    """What one arm returned at one seed: `numbers.bpb`, or `numbers["bits/byte"]`."""

    def __init__(self, run: str, numbers: Mapping[str, float | None]) -> None:
        self._run, self._numbers = run, numbers

    def __getitem__(self, metric: str) -> float:
        if metric not in self._numbers:
            raise UnknownName(f"metric of {self._run}", metric, self._numbers)
        value = self._numbers[metric]
        if value is None:
            raise Unmeasured(f"{metric} of {self._run} is not a finite number")
        return value

    def __getattr__(self, metric: str) -> float:
        if metric.startswith("_"):  # copying and pickling ask for such names
            raise AttributeError(metric)
        return self[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)


@final
class Results:
    """All arms at one seed, as a claim sees them: `r.frozen.bpb`, `r["3x96"].accuracy`."""

    def __init__(self, rows: Rows, seed: int) -> None:
        self._rows, self._seed = rows, seed

    def __getitem__(self, arm: str) -> Numbers:
        if arm not in self._rows.arms:
            raise UnknownName("arm", arm, self._rows.arms)
        run = self._rows.run(arm, self._seed)
        name = f"arm '{arm}' at seed {self._seed}"
        if run.state != "done":
            raise Unmeasured(f"{name} {said(run.state, run.error)}")
        return Numbers(name, run.numbers)

    def __getattr__(self, arm: str) -> Numbers:
        if arm.startswith("_"):
            raise AttributeError(arm)
        return self[arm]


def said(state: str, error: str) -> str:
    """What became of a run that has no numbers, as the end of a sentence."""
    words = {"failed": "failed", "running": "is still running", "pending": "has not run"}[state]
    return f"{words}: {error}" if error else words


class Picture(Protocol):
    """What a plot returns: a matplotlib Figure, of which only this is used."""

    def savefig(self, fname: Path, /, **options: Any) -> None:
        """Write the picture to a file."""
        ...


Plot = Callable[[Rows], Picture]


@final
@dataclass(frozen=True, kw_only=True)
class Paper:
    """One page: `run(setup, arm, seed)` over `arms`, judged by `claims`.

    The arms in `once` are shown and not judged: a study runs them at its first seed alone.
    The pictures in `plots` are named by their functions and drawn from the stored rows alone; a
    picture of the claims is drawn for every page.
    """

    run: Callable[[Any, str, int], Mapping[str, float]]
    arms: tuple[str, ...]
    once: tuple[str, ...] = ()
    presets: Mapping[str, Any]  # smoke, cpu, gpu: instances of the page's Setup
    claims: tuple[Claim, ...]
    validity: tuple[Validity, ...] = ()
    plots: tuple[Plot, ...] = ()
    seeds: Mapping[str, int] | int = field(default_factory=lambda: dict(SEEDS))

    def __post_init__(self) -> None:
        if len(self.arms) < 2 or len(set(self.arms)) != len(self.arms):
            raise ConfigError(
                f"a page needs two different arms or more, one of them a control; got {self.arms}"
            )
        for arm in self.arms:
            if not arm or arm[0] in "._" or set(arm) & set("/\\\0"):
                raise ConfigError(f"arm '{arm}' cannot name a folder; use letters, digits, - and _")
        judged = [arm for arm in self.arms if arm not in self.once]
        if not judged or len(judged) + len(self.once) != len(self.arms):
            raise ConfigError(
                f"arms run once are some of {self.arms}, each named once; got {self.once}"
            )
        texts = [claim.text for claim in self.claims]
        if not texts or len(set(texts)) != len(texts):
            raise ConfigError(
                f"a page needs one claim or more, each with its own text; got {texts}"
            )
        if len({type(s) for s in self.presets.values() if dataclasses.is_dataclass(s)}) != 1 or any(
            isinstance(s, type) or not dataclasses.is_dataclass(s) for s in self.presets.values()
        ):
            kinds = ", ".join(f"{k}: {type(s).__name__}" for k, s in self.presets.items())
            raise ConfigError(f"presets are instances of one Setup; got {kinds or 'none'}")
        names = [getattr(plot, "__name__", "") for plot in self.plots]
        if not all(map(str.isidentifier, names)) or len({*names, "claims"}) != len(names) + 1:
            raise ConfigError(f"plots are named functions of different names; got {names}")
        if any(self.seed_count(preset) < 1 for preset in self.presets):
            raise ConfigError(f"a preset needs at least one seed; got {self.seeds}")

    def setup(self, preset: str) -> Any:
        """The Setup called `preset`."""
        if preset not in self.presets:
            raise UnknownName("preset", preset, self.presets)
        return self.presets[preset]

    def asked(self, seeds: Sequence[int]) -> list[tuple[str, int]]:
        """The (arm, seed) of every run of a study over `seeds`, seeds outermost."""
        return [
            (arm, seed)
            for seed in seeds
            for arm in self.arms
            if arm not in self.once or seed == seeds[0]
        ]

    def seed_count(self, preset: str) -> int:
        """How many seeds a study at `preset` runs unless told otherwise."""
        if isinstance(self.seeds, int):
            return self.seeds
        return self.seeds.get(preset, DEFAULT_SEEDS)
