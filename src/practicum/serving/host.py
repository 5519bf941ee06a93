"""A worker as it is in a replica's process, and what it says so that it can be sent to another.

Nothing here knows who carries it from process to process; see `serving.replicas`.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.errors import ModelError, PracticumError
from practicum.models.decoder import Decoder
from practicum.serving.question import Piece, Question
from practicum.serving.served import fingerprint
from practicum.serving.settings import Settings
from practicum.serving.spread import State
from practicum.serving.worker import Worker
from practicum.tokenizers.chat import ChatTemplate
from practicum.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An error on its way between processes: one with arguments of its own does not pickle."""

    kind: type[PracticumError]
    text: str
    more: dict[str, Any] = field(default_factory=dict)  # such as `retry_after`

    @classmethod
    def of(cls, problem: Exception) -> "Fault":
        """What nobody foresaw becomes a ModelError."""
        if isinstance(problem, PracticumError):
            return cls(kind=type(problem), text=str(problem), more=vars(problem))
        return cls(kind=ModelError, text=f"{type(problem).__name__}: {problem}")

    @property
    def error(self) -> PracticumError:
        """The error again."""
        problem = self.kind.__new__(self.kind, self.text)
        vars(problem).update(self.more)
        return problem


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What stays the same in every replica's life."""

    description: Decoder
    tokenizer: Tokenizer
    chat_template: ChatTemplate | None
    ends: frozenset[int]
    settings: Settings
    context: int
    fingerprint: str


class Host:
    """Within a replica's process: the worker that `make` makes, or why there is none."""

    def __init__(self, make: Callable[[], Worker], threads: int) -> None:
        torch.set_num_threads(threads)
        self._life = uuid.uuid4().hex
        self._worker: Worker | None = None
        self._fault = Fault(kind=ModelError, text="the model is not loaded")
        self._told = False  # whether somebody has heard of the fault
        try:
            self._worker = make()
        except Exception as problem:  # whoever asks is told; a process that ends is not asked
            self._fault = Fault.of(problem)

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Completion | Fault, None]:
        """As `Worker.answer`, with an error as the last thing that is said."""
        if self._worker is None:
            yield self._fault
            return
        try:
            async with aclosing(self._worker.answer(question)) as said:
                async for what in said:
                    yield what
        except PracticumError as problem:
            yield Fault.of(problem)

    async def facts(self) -> Facts | Fault:
        """What stays the same."""
        if self._worker is None:
            return self._tell()
        model = self._worker.engine.language_model
        return Facts(
            description=self._worker.engine.model.description,
            tokenizer=model.tokenizer,
            chat_template=model.chat_template,
            ends=model.ends,
            settings=replace(self._worker.settings, drafts=None),  # a model that drafts stays here
            context=self._worker.context,
            fingerprint=fingerprint(model),
        )

    async def state(self) -> State | Fault:
        """How it is now."""
        if self._worker is None:
            return self._tell()
        if self._worker.problem is not None:
            return Fault.of(self._worker.problem)
        pace = self._worker.engine.batch.pace
        return State(life=self._life, load=self._worker.load, pace=pace)

    async def embed(self, texts: Sequence[Sequence[int]]) -> list[list[float]] | Fault:
        """As `Worker.embed`."""
        if self._worker is None:
            return self._fault
        try:
            return (await asyncio.to_thread(self._worker.embed, texts)).tolist()
        except PracticumError as problem:
            return Fault.of(problem)

    async def score(self, ids: Sequence[int], top: int) -> list[Choice] | Fault:
        """As `Worker.score`."""
        if self._worker is None:
            return self._fault
        try:
            return await self._worker.score(ids, top)
        except PracticumError as problem:
            return Fault.of(problem)

    def check_health(self) -> None:
        """Raises where the process should be started anew: not before the reason is told."""
        if self._worker is None:
            if self._told:
                raise self._fault.error
        elif self._worker.problem is not None:
            raise self._worker.problem

    def _tell(self) -> Fault:
        self._told = True
        return self._fault
