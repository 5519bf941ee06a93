"""Who computes the jobs of a study: this process, worker processes, later a cluster.

An executor takes jobs and gives back outcomes as they finish, in any order; on the way `hear` is
told what each job says. A worker that is killed is an outcome with an error, never a wait without
end. Closing the iterator, which every exception does, stops what is still going on.
"""

import contextlib
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from typing import Any, Protocol, final

from practicum.errors import ConfigError, Interrupted
from practicum.lab.job import Hear, Job, Outcome, perform
from practicum.lab.provenance import cores

GRACE = 10.0  # seconds a worker has to save what it does before it is killed


class Executor(Protocol):
    """Computes jobs."""

    def outcomes(self, jobs: Sequence[Job], hear: Hear) -> Generator[Outcome, None, None]:
        """The outcome of every job, each once, as they finish. A job's first event is `Started`.

        Events and outcomes reach the caller in its own thread.
        """
        ...


@final
class InProcess:
    """One job after the other, here."""

    def outcomes(self, jobs: Sequence[Job], hear: Hear) -> Generator[Outcome, None, None]:
        """As `Executor.outcomes`. Raises Interrupted when a page was asked to stop and did."""
        for job in jobs:
            yield perform(job, hear)


@final
class Processes:
    """`workers` fresh processes (spawn), which share the processors of this machine evenly.

    They end with this process, however it ends: at its wish by SIGTERM, after `grace` by SIGKILL.
    """

    def __init__(self, workers: int, *, grace: float = GRACE) -> None:
        if workers < 1:
            raise ConfigError(f"{workers} workers cannot compute anything; expected 1 or more")
        self.workers, self._grace = workers, grace

    def outcomes(self, jobs: Sequence[Job], hear: Hear) -> Generator[Outcome, None, None]:
        """As `Executor.outcomes`."""
        waiting = deque((job, _packed(job)) for job in jobs)
        crew = [_Worker(self.workers) for _ in range(min(self.workers, len(jobs)))]
        try:
            for worker in crew:
                worker.give(*waiting.popleft())
            while busy := [worker for worker in crew if worker.job is not None]:
                for worker in _ready(busy):
                    outcome = worker.listen(hear)
                    if outcome is None:
                        continue
                    if waiting:
                        if not worker.alive:
                            crew.remove(worker)
                            worker = _Worker(self.workers)
                            crew.append(worker)
                        worker.give(*waiting.popleft())
                    yield outcome
        finally:
            _stop(crew, self._grace)


@dataclass(frozen=True)
class _LastWord:
    """From a worker that was told to stop: what became of its job, and that it ends now."""

    outcome: Outcome


class _Worker:
    """This side of a worker process."""

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=False)
        with _threads_per_worker(workers):
            self._process.start()
        theirs.close()  # so that the end of the worker is the end of the pipe
        self.job: Job | None = None
        self.alive = True

    @property
    def sentinel(self) -> int:
        return self._process.sentinel

    def give(self, job: Job, packed: bytes) -> None:
        self.job = job
        with contextlib.suppress(OSError):  # it has died; `listen` will find that out
            self.pipe.send_bytes(packed)

    def listen(self, hear: Hear) -> Outcome | None:
        """Take one message: an event goes to `hear`, an outcome is returned."""
        assert self.job is not None, "only a worker with a job is listened to"
        try:
            message = self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError, pickle.UnpicklingError):
            message = None
        if message is None:
            self._process.join()
            self.alive = False
            message = Outcome(job=self.job, error=_cause(self._process.exitcode))
        if isinstance(message, _LastWord):
            self.alive = False
            message = message.outcome
        if isinstance(message, Outcome):
            self.job = None
            return message
        hear(self.job, message)
        return None

    def ask_to_stop(self) -> None:
        if self.job is None:
            self.pipe.close()  # between two jobs the end of the pipe is enough
        elif self._process.is_alive():
            self._process.terminate()

    def end(self, patience: float) -> None:
        self._process.join(patience)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()
        self._process.close()


def _ready(busy: list[_Worker]) -> list[_Worker]:
    """The workers that said something or died. Both are watched: a child of a killed worker may
    keep its end of the pipe open."""
    found = connection.wait([thing for worker in busy for thing in (worker.pipe, worker.sentinel)])
    return [worker for worker in busy if worker.pipe in found or worker.sentinel in found]


def _stop(crew: list[_Worker], grace: float) -> None:
    for worker in crew:
        worker.ask_to_stop()
    for worker in crew:
        worker.end(grace)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (the system does so when memory runs out)" if name == "SIGKILL" else ""
        return f"the worker process was killed by {name}{hint}"
    return f"the worker process ended with status {code}"


def _packed(job: Job) -> bytes:
    try:
        return pickle.dumps(job)
    except (pickle.PicklingError, AttributeError, TypeError) as problem:
        raise ConfigError(f"the setup of {job} cannot be sent to a worker: {problem}") from problem


@contextlib.contextmanager
def _threads_per_worker(workers: int) -> Iterator[None]:
    """Within the block a new process gets its share of the processors; fewer if told fewer."""
    before = os.environ.get("OMP_NUM_THREADS")
    share = max(1, cores() // workers)
    told = int(before) if before and before.isdecimal() else share
    os.environ["OMP_NUM_THREADS"] = str(min(share, told) or share)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _serve(pipe: Any) -> None:
    """What a worker does: jobs in, events and outcomes out, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            packed = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        job = pickle.loads(packed)  # our own parent packed it; imports the page for its Setup
        try:
            pipe.send(perform(job, lambda _, event: pipe.send(event)))
        except (Interrupted, KeyboardInterrupt) as problem:
            pipe.send(_LastWord(Outcome(job=job, error=f"interrupted: {problem}")))
            return


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # nobody is left to hear of it; the store shows the run as interrupted
