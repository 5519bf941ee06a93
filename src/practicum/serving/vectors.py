"""Vectors of the texts of many requests, made off the event loop and side by side.

Requests take turns: each gives its longest text that is left, until as many texts are together as
are read at once. So a request of one text waits for one reading and not for a thousand texts, and
texts of similar length stand together.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.model import Reach
from practicum.errors import Busy, GivenUp, ModelError

Ids = tuple[int, ...]
Make = Callable[[Sequence[Ids]], Float[Tensor, "n d"]]


class Vectors:
    """Makes vectors by `make`, up to `reach` at once, for up to `waiting` requests."""

    def __init__(
        self, make: Make, *, waiting: int, seconds: float | None, reach: Reach | None = None
    ) -> None:
        self._make, self._waiting, self._seconds = make, waiting, seconds
        self._reach = reach or Reach(rows=1)
        self._turns: deque[_Asked] = deque()  # requests with texts that nobody has begun with
        self._open = 0
        self._running: asyncio.Task[None] | None = None

    async def of(self, rows: Sequence[Ids]) -> Float[Tensor, "n d"]:
        """The vectors of `rows`, one or more, in their order.

        Raises Busy, GivenUp where it takes too long, and what `make` raises.
        """
        if self._open >= self._waiting:
            raise Busy(self._open, float(self._open))
        asked = _Asked(rows)
        self._open += 1
        self._turns.append(asked)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(self._seconds):
                return await asked.over
        except TimeoutError:
            raise GivenUp(
                f"the vectors were not made in {self._seconds:g} seconds; send fewer texts"
            ) from None
        finally:  # whether all is made, or nobody wants it any more
            self._open -= 1
            with contextlib.suppress(ValueError):
                self._turns.remove(asked)

    async def _run(self) -> None:
        """Read while anybody waits."""
        while self._turns:
            batch = self._batch()
            try:
                made = await asyncio.to_thread(
                    self._make, [asked.rows[place] for asked, place in batch]
                )
            except Exception as problem:  # whatever it was, nobody may wait for ever
                for asked, _ in batch:
                    self._fail(asked, problem)
                continue
            for (asked, place), vector in zip(batch, made, strict=True):
                asked.take(place, vector)

    def _fail(self, asked: "_Asked", problem: Exception) -> None:
        with contextlib.suppress(ValueError):
            self._turns.remove(asked)
        if not asked.over.done():
            asked.over.set_exception(problem)

    def _batch(self) -> list[tuple["_Asked", int]]:
        """The texts that are read next: one at least."""
        batch: list[tuple[_Asked, int]] = []
        longest = 0
        while self._turns and len(batch) < self._reach.rows:
            asked = self._turns[0]
            longest = max(longest, len(asked.rows[asked.left[0]]))
            if batch and longest * (len(batch) + 1) > self._reach.tokens:
                break
            batch.append((asked, asked.left.popleft()))
            self._turns.popleft()
            if asked.left:
                self._turns.append(asked)
        return batch


class _Asked:
    """The texts of one request."""

    def __init__(self, rows: Sequence[Ids]) -> None:
        if not rows:
            raise ModelError("no text is given; give one or more")
        self.rows = rows
        self.left = deque(sorted(range(len(rows)), key=lambda place: -len(rows[place])))
        self.over: asyncio.Future[Tensor] = asyncio.get_running_loop().create_future()
        self._made: dict[int, Tensor] = {}

    def take(self, place: int, vector: Float[Tensor, " d"]) -> None:
        """The vector of one text is there."""
        self._made[place] = vector
        if len(self._made) == len(self.rows) and not self.over.done():
            self.over.set_result(torch.stack([self._made[i] for i in range(len(self.rows))]))
