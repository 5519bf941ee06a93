"""A thread that steps an engine, and the way to it from an event loop.

Questions and cancellations are handed over between two steps, so that the loop never waits for a
step. Who stops listening has cancelled: the memory of the answer is free before the next step.
"""

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar, cast

from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ModelError, PracticumError
from practicum.kernels.openmp import release_team
from practicum.serving.answerer import CLOSING
from practicum.serving.engine import Engine
from practicum.serving.load import Load
from practicum.serving.question import Piece, Question
from practicum.serving.settings import Settings

T = TypeVar("T")
Heard = Piece | Completion | PracticumError


class Worker:
    """Runs `engine` in a thread of its own until it is closed."""

    def __init__(self, engine: Engine) -> None:
        """From now on the engine computes in its own thread, and the calling one hardly."""
        release_team()  # or the engine's would sleep between any two products
        self.engine = engine
        self.problem: PracticumError | None = None  # what ended the thread
        self.ready: tuple[int, int] | None = None  # this is one engine, no replicas
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._arriving: set[object] = set()  # places in the line that are as good as taken
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="practicum-engine", daemon=True)
        self._thread.start()

    @property
    def load(self) -> Load:
        """As `Engine.load`."""
        return self.engine.load

    @property
    def settings(self) -> Settings:
        """Those of the engine."""
        return self.engine.settings

    @property
    def language_model(self) -> LanguageModel:
        """What the engine runs."""
        return self.engine.language_model

    @property
    def context(self) -> int:
        """The most tokens of a prompt and its answer."""
        return self.engine.memory.capacity

    def refuse_if_full(self, more: int = 0) -> None:
        """As `Engine.refuse_if_full`."""
        self.engine.refuse_if_full(len(self._arriving) + more)

    def embed(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """As `Engine.embed`, in the calling thread, whose OpenMP team ends with it."""
        try:
            return self.engine.embed(texts)
        finally:
            release_team()

    async def score(self, ids: Sequence[int], top: int) -> list[Choice]:
        """As `Engine.score`, each piece between two steps; who is cancelled reads no further."""
        pieces = self.engine.score(ids, top)
        found: list[Choice] = []
        while (piece := await self._between(lambda: next(pieces, None))) is not None:
            found += piece
        return found

    async def _between(self, job: Callable[[], T]) -> T:
        """What `job` returns in the engine's thread."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, problem: Exception | None) -> None:
            if done.done():
                return  # nobody waits any more
            if problem is None:
                done.set_result(cast(T, result))
            else:
                done.set_exception(problem)

        def order() -> None:
            result, problem = None, None
            try:
                if not done.cancelled():
                    result = job()
            except Exception as caught:
                problem = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody listens
                loop.call_soon_threadsafe(settle, result, problem)

        self._orders.put(order)
        if self.problem is not None:
            raise self.problem
        return await done

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Completion, None]:
        """What is said to `question`, piece by piece, and its completion.

        Raises Busy, GivenUp, ModelError or ConfigError; see `Engine.ask`.
        """
        if self.problem is not None:
            raise self.problem
        self.refuse_if_full()
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[Heard] = asyncio.Queue()

        def hear(what: Heard) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody listens
                loop.call_soon_threadsafe(heard.put_nowait, what)

        place = object()
        self._arriving.add(place)
        try:  # a grammar takes time to be read
            row = await asyncio.to_thread(self.engine.prepare, question, hear)
        except BaseException:
            self._arriving.discard(place)
            raise

        def enter() -> None:
            self.engine.enter(row)
            self._arriving.discard(place)

        self._orders.put(enter)
        try:
            if self.problem is not None:
                raise self.problem
            while True:
                what = await heard.get()
                if isinstance(what, PracticumError):
                    raise what
                yield what
                if isinstance(what, Completion):
                    return
        finally:
            self._arriving.discard(place)
            self._orders.put(lambda: self.engine.cancel(row))

    def close(self) -> None:
        """End the thread after its present step, and every answer with an error."""
        self._closed = True
        self._orders.put(lambda: None)
        self._thread.join()
        self.problem = self.problem or ModelError(CLOSING)
        self._obey()  # what came since the last step
        self.engine.fail(self.problem)

    def _run(self) -> None:
        try:
            while not self._closed:
                self._obey(self._orders.qsize())  # and no more, so that steps come between
                if not self.engine.step():
                    self._orders.get()()  # sleeps until something is wanted
        except Exception as problem:  # whatever it was, nobody may wait for ever
            stopped = ModelError(f"the engine has stopped: {type(problem).__name__}: {problem}")
            stopped.__cause__ = problem
            self.problem = stopped
            self._obey()
            self.engine.fail(stopped)

    def _obey(self, most: int | None = None) -> None:
        """Do what is wanted: all, or at most so much of it."""
        with contextlib.suppress(queue.Empty):
            for _ in itertools.count() if most is None else range(most):
                self._orders.get_nowait()()
