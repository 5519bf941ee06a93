"""Running Python that nobody vouches for: in a process of its own, without network, within limits.

What a program is kept from is the operating system's doing, in layers; `Sandbox.protections` says
which of them this system grants. Where users may make namespaces a program has its own users,
processes, network and root directory, in which only Python's library can be read and only one
folder written. Elsewhere Landlock holds the files and a filter on system calls the rest, and the
program may start no other. In both cases it runs without capabilities, as `nobody` where the caller
is root, and most of the kernel's calls are refused. Linux only.

Not kept: the kernel itself, which is shared, and time, which programs can measure. What the kernel
remembers of a program, page tables above all, comes on top of its memory, at most twice as much.
Without namespaces a program can fill the disk and start a thousand threads or two; as root, any
number. Without the filter it can leave System V memory and keys to later programs of the sandbox,
and talk to the host of a virtual machine (vsock). What is forced can do all that nothing protects
from, such as stopping its keeper, so that the caller waits.

A program and the tests that follow it in one source share a process, so that it can fake their
success; have its answer on stdout compared by the caller where that matters (`Outcome.finished`
tells the simple case, `sys.exit(0)` halfway).
"""

import math
import select
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Literal

from practicum.errors import ConfigError
from practicum.symbolic.sandbox_end import Kind, reported, told
from practicum.symbolic.sandbox_lane import Ended, Lane, Lost
from practicum.symbolic.sandbox_protections import ADVICE, Protections

Layer = Literal["namespaces", "landlock", "seccomp"]
LAYERS: tuple[Layer, ...] = ("namespaces", "landlock", "seccomp")


@dataclass(frozen=True, kw_only=True)
class Program:
    """Python source, what it reads from stdin, and text files in its folder, by relative path.

    Python files among them can be imported. A source that is no Unicode text fails as a program.
    """

    source: str
    stdin: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
                raise ConfigError(f"a program's file is called {name!r}; expected a relative path")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use. Sizes are bytes."""

    seconds: float = 3.0  # by the clock
    cpu_seconds: int | None = None  # of the processor, per process; None: `seconds`, rounded up
    memory: int = 512 * 2**20  # address space of a process, Python's own 50 MB included
    output: int = 2**20  # stdout and stderr together
    processes: int = 1  # 1: it may start no other; more: threads count too; needs namespaces
    threads: int = 32  # of the single process; kept by namespaces only
    file_size: int = 16 * 2**20
    folder: int = 64 * 2**20  # all its files together; kept by namespaces only
    files: int = 4096  # how many; kept by namespaces only

    def __post_init__(self) -> None:
        for name in ("seconds", "output", "processes", "threads", "file_size", "folder", "files"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"Limits.{name} is {getattr(self, name)}; expected more than 0")
        if self.cpu_seconds is not None and self.cpu_seconds < 1:
            raise ConfigError(f"Limits.cpu_seconds is {self.cpu_seconds}; expected 1 or more")
        if self.memory < 64 * 2**20:
            raise ConfigError(f"Limits.memory is {self.memory}; Python needs 64 MiB (67108864)")

    @property
    def processor(self) -> int:
        """Seconds of the processor, as the system counts them: whole ones."""
        return math.ceil(self.seconds) if self.cpu_seconds is None else self.cpu_seconds


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a program. It passed when it ended with exit status 0."""

    kind: Kind
    reason: str  # one line; of a failed program the error it ended with
    output: str  # stdout; bytes that are not UTF-8 become U+FFFD
    errors: str  # stderr
    seconds: float  # by the clock
    finished: bool  # its last line was reached; a program that looks for it can fake this

    @property
    def passed(self) -> bool:
        """Whether the kind is "passed"."""
        return self.kind == "passed"


class Sandbox:
    """Runs programs, `workers` at a time. As a context manager it keeps its processes between runs.

    `layers` are those to use where the system grants them. Raises ConfigError on starting where an
    essential protection is missing (network, processes or files), unless `forced`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int = 2,
        forced: bool = False,
        layers: Iterable[Layer] = LAYERS,
    ) -> None:
        if workers < 1:
            raise ConfigError(f"a sandbox with {workers} workers; expected 1 or more")
        self.limits = limits or Limits()
        self.workers, self.forced, self.layers = workers, forced, tuple(layers)
        self._lanes: list[Lane] = []
        self._kept = False
        self._running = threading.Lock()
        self._namespaces = "namespaces" in self.layers

    def __enter__(self) -> "Sandbox":
        try:
            self._fill(1)  # which tells what is granted; the others come when they are needed
        except BaseException:
            self._close()
            raise
        self._kept = True
        return self

    def __exit__(self, *_: object) -> None:
        self._kept = False
        self._close()

    def protections(self) -> Protections:
        """Which layers hold here; starts a process to see. Raises ConfigError on another system."""
        if self._lanes:
            return self._granted(self._lanes[0])
        lane = self._start()
        try:
            return self._granted(lane)
        finally:
            lane.close()

    def run(self, programs: Iterable[Program]) -> Iterator[tuple[int, Outcome]]:
        """(number in `programs`, outcome) of every program, in the order in which they end.

        Programs are taken as places get free. Whoever stops iterating stops the programs that run.
        Raises ConfigError where the sandbox is running others already, or cannot protect.
        """
        if not self._running.acquire(blocking=False):
            raise ConfigError("this sandbox runs programs already; finish that run or use another")
        waiting = enumerate(programs)
        running: dict[Lane, int] = {}
        try:
            while True:
                for number, program in islice(waiting, self.workers - len(running)):
                    running[self._give(program)] = number
                if not running:
                    return
                for lane in _ready(running):
                    yield running.pop(lane), self._outcome(lane)
        finally:
            self._stop(running)
            self._running.release()

    def _give(self, program: Program) -> Lane:
        """A lane that runs the program now; one whose keeper is gone is replaced, once."""
        told = {"source": program.source, "files": dict(program.files)}
        stdin = program.stdin.encode(errors="surrogatepass")
        self._fill(1 + sum(lane.busy for lane in self._lanes))
        lane = next(lane for lane in self._lanes if not lane.busy)
        try:
            lane.give(told, stdin)
        except Lost:
            self._forget(lane)
            lane = self._start()
            self._lanes.append(lane)
            lane.give(told, stdin)
        return lane

    def _outcome(self, lane: Lane) -> Outcome:
        try:
            ended = lane.ended()
        except Lost:
            self._forget(lane)
            reason = f"the sandbox's own process is gone: {lane.last_words}"
            return Outcome(
                kind="killed", reason=reason, output="", errors="", seconds=0.0, finished=False
            )
        if lane.closed:
            self._lanes.remove(lane)
        return self._judged(ended)

    def _judged(self, ended: Ended) -> Outcome:
        limits = self.limits
        kind, reason = told(
            ended,
            seconds=limits.seconds,
            cpu=limits.processor,
            memory=limits.memory,
            output=limits.output,
        )
        return Outcome(
            kind=kind,
            reason=reason,
            output=ended.output.decode(errors="replace"),
            errors=ended.errors.decode(errors="replace"),
            seconds=ended.seconds,
            finished=kind == "passed" and reported(ended).get("finished") is True,
        )

    def _fill(self, count: int) -> None:
        while len(self._lanes) < count:
            self._lanes.append(self._start())

    def _start(self) -> Lane:
        """A new keeper with as many layers as the system grants."""
        if sys.platform != "linux":
            raise ConfigError(f"the sandbox needs Linux; this is {sys.platform}")
        lane = self._within_namespaces() or Lane(self._asked(namespaces=False))
        if not self.forced:
            wrong = self._wrong(self._granted(lane))
            if wrong:
                lane.close()
                raise ConfigError(f"{wrong}; {ADVICE}, or go on all the same with forced=True")
        return lane

    def _wrong(self, granted: Protections) -> str:
        """Why programs should not run under these protections, or ''."""
        if granted.missing:
            return f"nothing here keeps a program from {', '.join(granted.missing)}"
        if self.limits.processes > 1 and not granted.namespaces:
            return f"only in namespaces may a program have {self.limits.processes} processes"
        return ""

    def _within_namespaces(self) -> Lane | None:
        if self._namespaces:
            try:
                return Lane(self._asked(namespaces=True))
            except ConfigError:
                self._namespaces = False  # not permitted here, and not tried again
        return None

    def _asked(self, *, namespaces: bool) -> dict[str, Any]:
        limits = self.limits
        return {
            "namespaces": namespaces,
            "landlock": "landlock" in self.layers and not namespaces,
            "seccomp": "seccomp" in self.layers,
            "seconds": limits.seconds,
            "cpu": limits.processor,
            "memory": limits.memory,
            "output": limits.output,
            "tasks": limits.threads if limits.processes == 1 else limits.processes,
            "forks": limits.processes > 1 and namespaces,
            "file_size": limits.file_size,
            "folder_bytes": limits.folder,
            "folder_files": limits.files,
        }

    def _granted(self, lane: Lane) -> Protections:
        return Protections(namespaces=self._namespaces, **lane.layers)

    def _forget(self, lane: Lane) -> None:
        lane.close()
        if lane in self._lanes:
            self._lanes.remove(lane)

    def _stop(self, running: Iterable[Lane]) -> None:
        for lane in running:
            try:
                lane.stop()
            except Lost:
                self._forget(lane)
        if not self._kept:
            self._close()

    def _close(self) -> None:
        while self._lanes:
            self._lanes.pop().close()


def _ready(lanes: Iterable[Lane]) -> list[Lane]:
    """The lanes whose program has ended; waits for one at least."""
    found = {lane.fileno(): lane for lane in lanes}
    waiting = select.poll()
    for number in found:
        waiting.register(number, select.POLLIN)
    return [found[number] for number, _ in waiting.poll()]
