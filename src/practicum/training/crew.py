"""Members of a course in processes of their own, on this machine, with one that leads.

The leader sums gradients and passes copies on; it holds none of the training state. Everything it
asks for is answered, or the worker is `Lost`. Processes are forked from one that has imported
everything, and one more than is needed waits with a network built: a hot spare, which takes a lost
worker's place at once.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from practicum.errors import TrainingError
from practicum.training.member import Copy, Course, Gradient, Member
from practicum.training.replicas import DiskStore, ReplicaStore

PATIENCE = 120.0  # seconds until a silent worker counts as stuck
GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class Lost(Exception):
    """A worker's process has ended."""

    def __init__(self, rank: int) -> None:
        super().__init__(f"worker {rank} is gone")
        self.rank = rank


@dataclass(frozen=True, kw_only=True)
class Enlist:
    """Be this member, as it begins."""

    rank: int


@dataclass(frozen=True, kw_only=True)
class Make:
    """The gradient of the next batch; `dies`: end without a word when it is made."""

    dies: bool = False
    flips: int | None = None  # this bit of its values turns over on the way (silent corruption)


@dataclass(frozen=True, kw_only=True, eq=False)
class Apply:
    """An update by the gradients of all."""

    values: Float32[np.ndarray, " n"]
    count: int


@dataclass(frozen=True, kw_only=True)
class GiveCopy:
    """The member as it is between two steps, kept in its own memory too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Hold:
    """Keep this copy of another member."""

    copy: Copy


@dataclass(frozen=True, kw_only=True)
class Save:
    """Leave a copy in the store on disk."""

    store: DiskStore


@dataclass(frozen=True, kw_only=True)
class Held:
    """The steps of the copies of this member in memory."""

    rank: int


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A copy in memory."""

    rank: int
    step: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Become:
    """Go on from this copy; without one from the start."""

    copy: Copy | None


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The digest of the gradient that a member made, from its copy in memory."""

    rank: int
    step: int


Order = Enlist | Make | Apply | GiveCopy | Hold | Save | Held | Fetch | Become | Replay


class Worker:
    """What happens in a worker's process: a member, and copies in its memory."""

    def __init__(self, course: Course) -> None:
        self.course, self.rank = course, 0
        self.member, self.store = Member(course, 0), ReplicaStore()
        self.spare: Member | None = None  # on which steps are replayed

    def obey(self, order: Order) -> Any:
        """The answer to an order."""
        match order:
            case Enlist():
                self.rank = order.rank
                return self._become(None)
            case Make():
                return self._make(order)
            case Apply():
                return self.member.update(order.values, order.count)
            case GiveCopy():
                copy = self.member.copy()
                self.store.hold(copy)
                return copy
            case Hold():
                return self.store.hold(order.copy)
            case Save():
                return order.store.hold(self.member.copy())
            case Held():
                return self.store.steps(order.rank)
            case Fetch():
                return self.store.copy(order.rank, order.step)
            case Become():
                return self._become(order.copy)
            case Replay():
                return self._replay(order)

    def _make(self, order: Make) -> Gradient:
        made = self.member.gradient()
        if order.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return made if order.flips is None else flipped(made, order.flips)

    def _become(self, copy: Copy | None) -> None:
        if copy is None:
            self.member = Member(self.course, self.rank)
        else:
            self.member.become(copy)
            self.store.hold(copy)

    def _replay(self, order: Replay) -> Gradient:
        if self.spare is None:
            self.spare = Member(self.course, order.rank)
        self.spare.become(self.store.copy(order.rank, order.step))
        return self.spare.gradient()


def flipped(gradient: Gradient, bit: int) -> Gradient:
    """The gradient with one bit turned over, counted from the first value's lowest."""
    bits = gradient.values.copy().view(np.uint32)
    bits[bit // 32] ^= np.uint32(1 << bit % 32)
    return Gradient(values=bits.view(np.float32), count=gradient.count)


class Crew:
    """The workers' processes, which end with the block."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([__name__, "torch._dynamo"])
        self._processes: dict[int, Any] = {}
        self._lines: dict[int, Any] = {}  # connections
        self._spare: tuple[Any, Any] | None = None

    def __enter__(self) -> "Crew":
        self._spare = self._launch()
        for rank in self.ranks:
            self.start(rank)
        return self

    def __exit__(self, *problem: object) -> None:
        for rank in list(self._processes):
            self._end(rank)
        if self._spare is not None:
            _finish(*self._spare)

    @property
    def ranks(self) -> range:
        """The numbers of the workers."""
        return range(self.course.members)

    def neighbour(self, rank: int) -> int:
        """Who holds the copies of this worker beside itself."""
        return (rank + 1) % self.course.members

    def start(self, rank: int) -> None:
        """The spare takes this rank, and another is got ready; the old process is ended."""
        if rank in self._processes:
            self._end(rank)
        self._processes[rank], self._lines[rank] = self._spare or self._launch()
        self._spare = None
        self.ask_one(rank, Enlist(rank=rank))
        self._spare = self._launch()

    def _launch(self) -> tuple[Any, Any]:
        """A new process, not waited for, and the line to it."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self.course, there), daemon=True)
        process.start()
        there.close()  # else its end is not noticed
        return process, here

    def ask(self, orders: Mapping[int, Order]) -> dict[int, Any]:
        """The answers of several workers, who work at the same time.

        Raises Lost when one has ended; the others' answers have then been taken and dropped.
        """
        lost = [rank for rank, order in orders.items() if not self._said(rank, order)]
        answers: dict[int, Any] = {}
        for rank in orders:
            if rank in lost:
                continue
            try:
                answers[rank] = self._heard(rank)
            except GONE:
                lost.append(rank)
        if lost:
            raise Lost(lost[0])
        return answers

    def ask_one(self, rank: int, order: Order) -> Any:
        """The answer of one worker."""
        return self.ask({rank: order})[rank]

    def _said(self, rank: int, order: Order) -> bool:
        try:
            self._lines[rank].send(order)
        except GONE:
            return False
        return True

    def _heard(self, rank: int) -> Any:
        if not self._lines[rank].poll(PATIENCE):
            raise TrainingError(f"worker {rank} has been silent for {PATIENCE:.0f} seconds")
        return self._lines[rank].recv()

    def _end(self, rank: int) -> None:
        _finish(self._processes.pop(rank), self._lines.pop(rank))


def summed(gradients: Sequence[Gradient]) -> Gradient:
    """The sum, in the order given: another order would round otherwise."""
    values = gradients[0].values.copy()
    for other in gradients[1:]:
        values += other.values
    return Gradient(values=values, count=sum(one.count for one in gradients))


def _finish(process: Any, line: Any) -> None:
    """End a process that nobody waits for."""
    line.close()
    process.kill()
    process.join()
    process.close()


def _work(course: Course, line: Connection) -> None:
    """A worker's process: it obeys until the leader hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the leader stops its workers
    torch.set_num_threads(1)
    worker = Worker(course)
    try:
        while True:
            line.send(worker.obey(line.recv()))
    except GONE:
        return
