"""Questions spread over replicas: each has a copy of the model and an engine, in its own process.

A question goes to the replica with the fewest unfinished answers. Among equals it goes where most
of its beginning has been read already, then to whoever was asked less often. The limit of waiting
questions holds for all replicas together, and so do the numbers of `load`, which are half a second
old at most. A replica that ends takes its answers with it: each ends with an error. The others go
on, and it is asked again once whoever keeps replicas (`serving.replicas`) has started it anew.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.errors import Busy, ModelError, PracticumError
from practicum.serving.answerer import CLOSING
from practicum.serving.beginnings import Beginnings
from practicum.serving.load import Counts, Load
from practicum.serving.question import Piece, Question
from practicum.serving.settings import Settings

OFTEN = 0.5  # seconds between two looks at a replica


class Lost(ModelError):
    """A replica has ended, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What a replica does now."""

    life: str  # another one after each start
    load: Load
    pace: float  # seconds that an answer takes


class Replica(Protocol):
    """The way to one of them."""

    def answer(self, question: Question) -> AsyncGenerator[Piece | Completion, None]:
        """As `Answerer.answer`; raises Lost, too."""
        ...

    def state(self) -> State:
        """Waits for it. Raises Lost, or what keeps the replica from answering."""
        ...

    def embed(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        """As `Answerer.embed`; raises Lost, too."""
        ...

    async def score(self, ids: Sequence[int], top: int) -> list[Choice]:
        """As `Answerer.score`; raises Lost, too."""
        ...


class Seat:
    """A replica as it is seen from here."""

    def __init__(self, replica: Replica, block: int) -> None:
        self.replica = replica
        self.problem: PracticumError | None = None  # why it is not asked
        self.open = 0  # unfinished answers
        self.asked = 0
        self.beginnings = Beginnings(block)
        self._state: State | None = None
        self._past = Counts()  # of its former lives

    def look(self) -> None:
        """Learn how it is; waits for it."""
        try:
            state = self.replica.state()
        except PracticumError as problem:
            self.problem = problem
            return
        if self._state is not None and self._state.life != state.life:
            self._past, self._state = Counts(**self.counts), None
            self.beginnings.clear()
        self._state, self.problem = state, None

    @property
    def pace(self) -> float:
        """Seconds that an answer takes."""
        return self._state.pace if self._state is not None else 1.0

    @property
    def counts(self) -> dict[str, int]:
        """What it has done in all its lives."""
        past = vars(self._past)
        if self._state is None:
            return dict(past)
        return {name: past[name] + getattr(self._state.load, name) for name in past}

    @property
    def numbers(self) -> dict[str, int]:
        """The fields of its `Load`: what goes on is nothing while it is gone."""
        now = {field.name: 0 for field in fields(Load)}
        if self._state is not None and self.problem is None:
            now = vars(self._state.load)
        return {**now, **self.counts}


def best(seats: Sequence[Seat], ids: Sequence[int]) -> Seat:
    """Whom to ask. Raises Lost where there is nobody."""
    able = [seat for seat in seats if seat.problem is None]
    if not able:
        raise Lost(f"no replica answers now ({seats[0].problem}); try again later")
    fewest = min(seat.open for seat in able)
    equals = [seat for seat in able if seat.open == fewest]
    return max(equals, key=lambda seat: (seat.beginnings.known(ids), -seat.asked))


class Spread:
    """An `Answerer` that asks `replicas`, which `stop` ends."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        language_model: LanguageModel,
        settings: Settings,
        context: int,
        stop: Callable[[], None],
    ) -> None:
        self.language_model, self.settings, self.context = language_model, settings, context
        self.seats = [Seat(replica, settings.block) for replica in replicas]
        self._stop = stop
        self._ears: set[Callable[[PracticumError], None]] = set()
        self._closing, self._ending = threading.Event(), threading.Lock()
        self._counting = threading.Lock()
        self._ended = False
        for seat in self.seats:
            threading.Thread(target=self._watch, args=(seat,), daemon=True).start()

    @property
    def problem(self) -> PracticumError | None:
        """See `Answerer`: one replica is enough."""
        if self._closing.is_set():
            return ModelError(CLOSING)
        problems = [seat.problem for seat in self.seats]
        return None if None in problems else problems[0]

    @property
    def ready(self) -> tuple[int, int]:
        """See `Answerer`."""
        answering = sum(seat.problem is None for seat in self.seats)
        return (0 if self._closing.is_set() else answering), len(self.seats)

    @property
    def load(self) -> Load:
        """The sum of all."""
        numbers = [seat.numbers for seat in self.seats]
        return Load(**{f.name: sum(one[f.name] for one in numbers) for f in fields(Load)})

    def refuse_if_full(self, more: int = 0) -> None:
        """See `Answerer`."""
        rows = self.settings.rows
        waiting = sum(max(0, seat.open - rows) for seat in self.seats) + more
        if waiting >= self.settings.waiting:
            pace = max(seat.pace for seat in self.seats) / (rows * len(self.seats))
            raise Busy(waiting, max(1.0, pace * waiting))

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Completion, None]:
        """See `Answerer`."""
        if self._closing.is_set():
            raise ModelError(CLOSING)
        self.refuse_if_full()
        heard: asyncio.Queue[Piece | Completion | Exception] = asyncio.Queue()
        with self._asking(question.ids) as seat, self._hearing(heard):
            seat.beginnings.add(question.ids)
            listening = asyncio.create_task(_listen(seat, question, heard))
            try:
                while True:
                    what = await heard.get()
                    if isinstance(what, Exception):
                        raise what
                    yield what
                    if isinstance(what, Completion):
                        return
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def embed(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """See `Answerer`; the texts are shared out among the replicas that answer."""
        count = max(1, min(len(texts), self.ready[0]))
        shares = [texts[start::count] for start in range(count)]
        with ThreadPoolExecutor(count) as threads:
            found = list(threads.map(self._embed, shares))
        return torch.tensor([found[at % count][at // count] for at in range(len(texts))])

    def _embed(self, texts: Sequence[Sequence[int]]) -> list[list[float]]:
        with self._asking() as seat:
            return seat.replica.embed(texts)

    async def score(self, ids: Sequence[int], top: int) -> list[Choice]:
        """See `Answerer`."""
        if self._closing.is_set():
            raise ModelError(CLOSING)
        closing: asyncio.Queue[Any] = asyncio.Queue()
        with self._asking() as seat, self._hearing(closing):
            closed = asyncio.ensure_future(closing.get())
            scoring = asyncio.ensure_future(seat.replica.score(ids, top))
            try:
                await asyncio.wait((scoring, closed), return_when=asyncio.FIRST_COMPLETED)
                if not scoring.done():
                    raise closed.result()
                return scoring.result()
            finally:
                for task in (scoring, closed):
                    task.cancel()
                await asyncio.gather(scoring, closed, return_exceptions=True)

    @contextlib.contextmanager
    def _hearing(self, queue: "asyncio.Queue[Any]") -> Iterator[None]:
        """Within the block the queue is told, from whichever thread, that the server closes."""
        loop = asyncio.get_running_loop()

        def ear(problem: PracticumError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody listens
                loop.call_soon_threadsafe(queue.put_nowait, problem)

        self._ears.add(ear)
        try:
            yield
        finally:
            self._ears.discard(ear)

    @contextlib.contextmanager
    def _asking(self, ids: Sequence[int] = ()) -> Iterator[Seat]:
        """Whom to ask, who is taken to be at it within the block. Raises Lost."""
        with self._counting:  # the loop and other threads ask
            seat = best(self.seats, ids)
            seat.open, seat.asked = seat.open + 1, seat.asked + 1
        try:
            yield seat
        except Lost as problem:
            seat.problem = problem
            raise
        finally:
            with self._counting:
                seat.open -= 1

    def close(self) -> None:
        """See `Answerer`."""
        self._closing.set()
        for ear in list(self._ears):
            ear(ModelError(CLOSING))
        with self._ending:  # whoever closes it a second time waits for the first
            if not self._ended:
                self._stop()
            self._ended = True

    def _watch(self, seat: Seat) -> None:
        while not self._closing.wait(OFTEN):
            seat.look()


async def _listen(
    seat: Seat, question: Question, heard: "asyncio.Queue[Piece | Completion | Exception]"
) -> None:
    try:
        async with contextlib.aclosing(seat.replica.answer(question)) as said:
            async for what in said:
                heard.put_nowait(what)
    except Exception as problem:
        heard.put_nowait(problem)
