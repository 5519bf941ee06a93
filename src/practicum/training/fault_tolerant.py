"""Training that survives lost workers and finds corrupted gradients (Gemini Team 2023, §3).

A lost worker is replaced, and all go on from the newest step of which every member has a copy: of
the memory of peers, made after every step, or of the disk, made every few steps. Steps after the
copy are done again. As a step depends on nothing but what is copied, the weights come out bit for
bit as if nothing had happened.

Where steps are checked, the neighbour makes each member's gradient again from its copy. Where the
two differ, the member itself does so too: two of the three agree, and the third was corrupted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from practicum import events
from practicum.errors import ConfigError
from practicum.training.crew import (
    Apply,
    Become,
    Crew,
    Fetch,
    GiveCopy,
    Held,
    Hold,
    Lost,
    Make,
    Replay,
    Save,
    summed,
)
from practicum.training.member import Copy, Course, Gradient
from practicum.training.replicas import DiskStore, newest_common


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls the worker `rank` in the step after `step` updates."""

    step: int
    rank: int
    flips: int | None = None  # this bit of its gradient turns over; None: its process is killed


@dataclass(frozen=True, kw_only=True)
class InMemory:
    """A copy after every step, in a worker's own memory and its neighbour's."""


@dataclass(frozen=True, kw_only=True)
class OnDisk:
    """A file of every worker after every so many steps."""

    folder: Path
    every: int = 10

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"OnDisk.every is {self.every}; expected at least 1 step")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A gradient that the worker `rank` gave in the step after `step` updates was corrupted."""

    step: int
    rank: int


@dataclass(kw_only=True)
class Outcome:
    """What came of it. `useful` seconds are those of the steps that lasted, each counted once."""

    digest: str = ""  # of the first member at the end
    lost: list[int] = field(default_factory=list)  # at every restart: steps to be done again
    alarms: list[Alarm] = field(default_factory=list)
    useful: float = 0.0
    wall: float = 0.0
    steps: int = 0  # done, those done again included

    @property
    def goodput(self) -> float:
        """The share of the time that went into steps that lasted."""
        return self.useful / self.wall


def train_together(
    course: Course, keeps: InMemory | OnDisk, *, faults: Sequence[Fault] = (), checked: bool = False
) -> Outcome:
    """Train the course's members to the end of its budget; every fault befalls once.

    Raises TrainingError when a worker is silent for two minutes; CheckpointError when copies cannot
    be written or read.
    """
    if checked and not isinstance(keeps, InMemory):
        raise ConfigError("steps are replayed from copies in memory; keep them there to check")
    with Crew(course) as crew:
        return _Run(crew, keeps, list(faults), checked).to_the_end()


class _Run:
    def __init__(
        self, crew: Crew, keeps: InMemory | OnDisk, faults: list[Fault], checked: bool
    ) -> None:
        self.crew, self.keeps, self.faults, self.checked = crew, keeps, faults, checked
        self.outcome = Outcome()
        self.seconds: dict[int, float] = {}
        self.step = 0

    def to_the_end(self) -> Outcome:
        outcome, steps = self.outcome, self.crew.course.budget.steps
        start = time.perf_counter()
        lost: Lost | None = None
        kept = False
        while self.step < steps:
            try:
                if lost is not None:
                    self.replace(lost.rank)
                    lost = None
                if not kept:  # there is always a copy to go back to
                    self.keep()
                    kept = True
                self.one_step()
                if isinstance(self.keeps, InMemory) or self.step % self.keeps.every == 0:
                    self.keep()
            except Lost as problem:
                lost = problem
            events.emit(
                events.Metric(name="step", value=self.step, step=round(1e3 * self.since(start)))
            )
        outcome.wall = self.since(start)
        outcome.useful = sum(self.seconds.values())
        outcome.digest = self.crew.ask_one(0, GiveCopy()).digest
        return outcome

    def since(self, start: float) -> float:
        return time.perf_counter() - start

    def one_step(self) -> None:
        """Gradients, perhaps checked, and an update of all."""
        start = time.perf_counter()
        orders = {rank: self.make(rank) for rank in self.crew.ranks}
        gradients: dict[int, Gradient] = self.crew.ask(orders)
        self.outcome.steps += 1
        if self.checked:
            gradients = self.verified(gradients)
        total = summed([gradients[rank] for rank in self.crew.ranks])
        update = Apply(values=total.values, count=total.count)
        self.crew.ask(dict.fromkeys(self.crew.ranks, update))
        self.seconds[self.step] = time.perf_counter() - start
        self.step += 1

    def make(self, rank: int) -> Make:
        """The order for a gradient, with the fault that is due."""
        for fault in self.faults:
            if (fault.step, fault.rank) == (self.step, rank):
                self.faults.remove(fault)
                return Make(dies=fault.flips is None, flips=fault.flips)
        return Make()

    def verified(self, gradients: dict[int, Gradient]) -> dict[int, Gradient]:
        """The gradients as they should be; an alarm for each that was not."""
        crew, right = self.crew, {}
        again = {crew.neighbour(rank): Replay(rank=rank, step=self.step) for rank in crew.ranks}
        replays: dict[int, Gradient] = crew.ask(again)
        for rank, given in gradients.items():
            by = crew.neighbour(rank)
            right[rank] = given
            if given.digest == replays[by].digest:
                continue
            own: Gradient = crew.ask_one(rank, Replay(rank=rank, step=self.step))
            wrong = by if own.digest == given.digest else rank
            self.outcome.alarms.append(Alarm(step=self.step, rank=wrong))
            right[rank] = own
        return right

    def keep(self) -> None:
        """A copy of every member, where copies are kept."""
        crew = self.crew
        if isinstance(self.keeps, OnDisk):
            order = Save(store=DiskStore(self.keeps.folder))
            crew.ask(dict.fromkeys(crew.ranks, order))
            return
        copies: dict[int, Copy] = crew.ask(dict.fromkeys(crew.ranks, GiveCopy()))
        crew.ask({crew.neighbour(rank): Hold(copy=copy) for rank, copy in copies.items()})

    def replace(self, rank: int) -> None:
        """Another process for a lost worker, and all as they were at the newest common step."""
        crew, before = self.crew, self.step
        crew.start(rank)
        if isinstance(self.keeps, OnDisk):
            store = DiskStore(self.keeps.folder)
            step = newest_common(store.steps(one) for one in crew.ranks)
            copies = {one: None if step is None else store.copy(one, step) for one in crew.ranks}
        else:
            held = {one: crew.neighbour(one) if one == rank else one for one in crew.ranks}
            step = newest_common(crew.ask_one(held[one], Held(rank=one)) for one in crew.ranks)
            copies = {
                one: None if step is None else crew.ask_one(held[one], Fetch(rank=one, step=step))
                for one in crew.ranks
            }
        crew.ask({one: Become(copy=copy) for one, copy in copies.items()})
        self.step = 0 if step is None else step
        self.outcome.lost.append(before - self.step)
        if isinstance(self.keeps, InMemory):
            self.keep()  # the newcomer holds nothing of its neighbour yet
