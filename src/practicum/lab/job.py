"""One arm at one seed as a message to whoever computes it, and what came out as the answer.

`perform` is the same in this process, in a worker, or on another machine: it imports the page, runs
the arm in its folder with no context from outside, and gathers the events. Points of curves are
also appended to `curves.jsonl` in the folder, so that a run that goes on after an interruption has
the whole curve.
"""

import contextvars
import importlib
import json
import math
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from practicum.errors import ConfigError, Interrupted, PracticumError
from practicum.events import Artifact, Event, Metric, Note, Progress, listening
from practicum.lab.folder import working_in
from practicum.lab.provenance import machine
from practicum.lab.rows import Curve, finite

QUIET = 0.1  # seconds between two messages about one task: enough for an eye, no load for a pipe


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs to know. Picklable when the page's module can be imported there."""

    page: str  # the module that holds PAPER
    setup: Any
    arm: str
    seed: int
    folder: str

    def __str__(self) -> str:
        return f"{self.arm} · seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Started:
    """The job is being computed from now on."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished job: its numbers, or an error of one line."""

    job: Job
    numbers: dict[str, float | None] = field(default_factory=dict)  # None: not a finite number
    curves: dict[str, Curve] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)  # name to path
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
    device: str = ""


Hear = Callable[[Job, Event | Started], None]


def perform(job: Job, hear: Hear) -> Outcome:
    """Compute `job`. What the page raises becomes the outcome's error.

    Raises Interrupted and KeyboardInterrupt: the whole study is to stop.
    """
    outside = contextvars.copy_context()  # whoever hears does so with the listeners of the caller
    return contextvars.Context().run(
        _perform, job, lambda job, event: outside.run(hear, job, event)
    )


def _perform(job: Job, hear: Hear) -> Outcome:
    began = time.perf_counter()
    hear(job, Started())
    recorder: _Recorder | None = None
    numbers: dict[str, float | None] = {}
    error = trace = ""
    try:
        folder = working_in(Path(job.folder))
        with folder, _Recorder(job, hear) as recorder, listening(recorder.hear):
            paper = importlib.import_module(job.page).PAPER
            numbers = _checked(paper.run(job.setup, job.arm, job.seed))
    except Interrupted:
        raise
    except (Exception, SystemExit) as problem:
        error, trace = _one_line(problem), traceback.format_exc()
    seconds = time.perf_counter() - began
    if recorder is None:
        return Outcome(job=job, error=error, traceback=trace, seconds=seconds, device=machine())
    return Outcome(
        job=job,
        numbers={} if error else {**recorder.numbers, **numbers},
        curves=recorder.curves(),
        artifacts=recorder.artifacts,
        error=error,
        traceback=trace,
        seconds=seconds,
        device=recorder.device or machine(),
    )


class _Recorder:
    """Keeps the numbers and files of a run's events, and passes on what a person wants to see."""

    def __init__(self, job: Job, hear: Hear) -> None:
        self._job, self._pass_on = job, hear
        self._path = Path(job.folder) / "curves.jsonl"
        self._file: TextIO | None = None
        self._points: dict[str, dict[int, float]] = {}
        self._shown: dict[str, float] = {}  # when each task was last spoken of
        self.numbers: dict[str, float | None] = {}
        self.artifacts: dict[str, str] = {}
        self.device = ""

    def __enter__(self) -> "_Recorder":
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                self._recall(line)
        # Line by line, so that a killed run loses at most the line it was writing.
        self._file = self._path.open("a", buffering=1)
        if self._path.stat().st_size:
            self._file.write("\n")  # ends a line that was torn
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def hear(self, event: Event) -> None:
        match event:
            case Metric():
                self._keep(event)
            case Artifact(name=name, path=path):
                self.artifacts[name] = path
            case Note():
                self._pass_on(self._job, event)
            case Progress(task=task, done=done, total=total):
                now = time.monotonic()
                if done == total or now - self._shown.get(task, -math.inf) >= QUIET:
                    self._shown[task] = now
                    self._pass_on(self._job, event)

    def curves(self) -> dict[str, Curve]:
        return {name: tuple(sorted(points.items())) for name, points in self._points.items()}

    def _keep(self, metric: Metric) -> None:
        labels = dict(metric.labels)
        self.device = labels.pop("device", self.device)  # what the run itself says it ran on
        said = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
        name = f"{metric.name} [{said}]" if said else metric.name
        if metric.step is None:
            self.numbers[name] = finite(metric.value)
            return
        self._points.setdefault(name, {})[metric.step] = float(metric.value)
        assert self._file is not None, "events are heard between enter and exit"
        self._file.write(json.dumps([name, metric.step, finite(metric.value)]) + "\n")

    def _recall(self, line: str) -> None:
        try:
            name, step, value = json.loads(line)
        except ValueError:
            return  # empty, or torn by a kill
        self._points.setdefault(name, {})[step] = math.nan if value is None else value


def _checked(numbers: Any) -> dict[str, float | None]:
    if not isinstance(numbers, Mapping) or not numbers:
        raise ConfigError(f"run returns numbers by name; got {type(numbers).__name__} {numbers!r}")
    checked = {}
    for name, number in numbers.items():
        try:
            checked[str(name)] = finite(float(number))
        except (TypeError, ValueError, OverflowError) as problem:
            shown = repr(number)[:60]
            raise ConfigError(f"run returned {name} = {shown}; expected a number") from problem
    return checked


def _one_line(problem: BaseException) -> str:
    said = " ".join(str(problem).split())
    if isinstance(problem, PracticumError):
        return said
    return f"{type(problem).__name__}: {said}" if said else type(problem).__name__
