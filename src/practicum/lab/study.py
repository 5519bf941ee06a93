"""A study: every arm at every seed through an executor into the store, then the verdict.

Runs go seed by seed, so that whatever was reached when a study stops compares whole seeds. A run
that the store holds under the same fingerprint (slug, configuration, code) is not computed again.
"""

import contextlib
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from practicum import events
from practicum.config import fingerprint, override, to_json
from practicum.errors import ConfigError, Interrupted, StoreError
from practicum.home import home
from practicum.lab.executor import Executor
from practicum.lab.job import Job, Outcome, Started
from practicum.lab.paper import Paper
from practicum.lab.pictures import draw
from practicum.lab.provenance import code_fingerprint
from practicum.lab.store import Store, Study, Ticket
from practicum.lab.verdict import Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a study computes: one setup, some seeds."""

    slug: str
    preset: str
    setup: Any
    seeds: tuple[int, ...]


def plan(
    paper: Paper,
    slug: str,
    preset: str,
    *,
    seed: int = 0,
    seeds: int | None = None,
    overrides: Sequence[tuple[str, str]] = (),
) -> Plan:
    """The plan of `preset` with `overrides` (dotted path, text); seeds `seed`, `seed` + 1, ….

    `seeds` is how many, the page's own number unless given.
    """
    setup = paper.setup(preset)
    for path, text in overrides:
        setup = override(setup, path, text)
    count = paper.seed_count(preset) if seeds is None else seeds
    if count < 1 or seed < 0:
        raise ConfigError(f"{count} seeds from {seed}: expected one seed or more, from 0 or above")
    return Plan(slug=slug, preset=preset, setup=setup, seeds=tuple(range(seed, seed + count)))


def study(
    paper: Paper,
    plan: Plan,
    *,
    executor: Executor,
    store: Store,
    resume: bool = False,
    force: bool = False,
) -> Verdict:
    """Compute what the store does not have, judge, draw the pictures.

    A run that failed or was interrupted starts anew; with `resume` it finds its folder as it was
    left, checkpoints included. `force` computes finished runs again.
    Raises Interrupted when the process was asked to stop; what is finished is kept.
    """
    if resume and force:
        raise ConfigError("resume goes on where a run stopped, force starts over; choose one")
    kept = _enlisted(paper, plan, store)
    jobs = _jobs(paper, plan, store, kept, force)
    if jobs:
        store.refuse_if_running(kept.id, [(job.arm, job.seed) for job in jobs], resume=resume)
        if not resume:
            _clear(jobs)
        desk = _Desk(store, kept.id, resume=resume, again=force)
        _compute(jobs, executor, desk, plan.slug)
    return conclude(paper, store, kept.id, plan.seeds)


def conclude(paper: Paper, store: Store, study: int, seeds: Sequence[int] | None = None) -> Verdict:
    """Judge a study and draw its pictures from what the store holds, computing nothing."""
    rows = store.rows(study, arms=paper.arms, seeds=seeds, curves=True)
    verdict = judge(paper, rows)
    store.save_verdict(study, verdict)
    folder = home("runs", rows.origin.slug, rows.origin.fingerprint, "pictures")
    store.save_pictures(study, draw(paper, rows, verdict, folder))
    return verdict


def _enlisted(paper: Paper, plan: Plan, store: Store) -> Study:
    """The study of this plan in the store, with a row for every run."""
    code = code_fingerprint(paper.run.__module__)
    before = store.studies(plan.slug)
    kept = store.study(
        slug=plan.slug,
        preset=plan.preset,
        setup=to_json(plan.setup),
        fingerprint=fingerprint(plan.slug, plan.setup, code),
        code=code,
    )
    unfinished = [s for s in before if s.preset == plan.preset and s.state == "failed"]
    if kept.id not in {s.id for s in before} and unfinished:
        events.emit(events.Note(text=_why_anew(kept, unfinished[0])))
    store.enlist(kept.id, paper.asked(plan.seeds))
    return kept


def _why_anew(kept: Study, before: Study) -> str:
    changed = "code" if kept.code != before.code else "configuration"
    return (
        f"the {changed} changed since the unfinished study of {before.updated[:16]}: all runs anew"
    )


def _jobs(paper: Paper, plan: Plan, store: Store, kept: Study, force: bool) -> list[Job]:
    rows = store.rows(kept.id, arms=paper.arms, seeds=plan.seeds)
    done = {(run.arm, run.seed) for run in rows.runs if run.state == "done" and not force}
    folder = home("runs", plan.slug, kept.fingerprint)
    return [
        Job(
            page=paper.run.__module__,
            setup=plan.setup,
            arm=arm,
            seed=seed,
            folder=str(folder / f"{arm}-{seed}"),
        )
        for arm, seed in paper.asked(plan.seeds)
        if (arm, seed) not in done
    ]


def _clear(jobs: list[Job]) -> None:
    for job in jobs:
        if Path(job.folder).exists():
            try:
                shutil.rmtree(job.folder)
            except OSError as problem:
                raise StoreError(f"cannot clear {job.folder}: {problem.strerror}") from problem


class _Desk:
    """Writes what the executor says into the store, and passes progress on to the listeners."""

    def __init__(self, store: Store, study: int, *, resume: bool, again: bool) -> None:
        self._store, self._study, self._resume, self._again = store, study, resume, again
        self._tickets: dict[str, Ticket] = {}  # of the runs that are going on, by their folders

    def hear(self, job: Job, event: events.Event | Started) -> None:
        match event:
            case Started():
                ticket = self._store.start(
                    self._study, job.arm, job.seed, resume=self._resume, again=self._again
                )
                self._tickets[job.folder] = ticket
                self._store.mark(self._study, "running")
            case events.Progress(task=task):
                events.emit(replace(event, task=f"{job} · {task}"))
            case events.Note(text=text):
                events.emit(events.Note(text=f"{job}: {text}"))

    def finish(self, outcome: Outcome) -> None:
        """Write an outcome."""
        if outcome.job.folder not in self._tickets:  # its worker died before it said a word
            self.hear(outcome.job, Started())
        self._store.finish(self._tickets.pop(outcome.job.folder), outcome)
        if outcome.error:
            events.emit(events.Note(text=f"{outcome.job} failed: {outcome.error}"))

    def give_up(self) -> None:
        """Say of the runs going on that they were interrupted."""
        self._store.interrupt(self._study, list(self._tickets.values()))


def _compute(jobs: list[Job], executor: Executor, desk: _Desk, slug: str) -> None:
    finished, total = 0, len(jobs)
    events.emit(events.Progress(task=slug, done=0, total=total, unit="runs"))
    try:
        with _sigterm_raises(), contextlib.closing(executor.outcomes(jobs, desk.hear)) as outcomes:
            for outcome in outcomes:
                desk.finish(outcome)
                finished += 1
                events.emit(events.Progress(task=slug, done=finished, total=total, unit="runs"))
    except (KeyboardInterrupt, Interrupted) as stop:
        desk.give_up()
        raise Interrupted(
            f"{slug} was stopped; {finished} of {total} runs are kept, go on with --resume"
        ) from stop
    except BaseException:
        with contextlib.suppress(StoreError):  # the first error says more than this one could
            desk.give_up()
        raise


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Within the block SIGTERM raises Interrupted, where signals can be caught."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted("SIGTERM")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
