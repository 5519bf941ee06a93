"""Continuous batching: answers join and leave the batch token by token (Yu et al. 2022, §4).

Questions wait in a `Line` until the `Batch` has room for them. An answer depends on its question
alone, whatever goes on beside it, up to the rounding of matrix products of different size.

`generate` and `loglikelihood` are what evaluation and rollouts use; `ask`, `cancel` and `step` are
for a server. All may be called from several threads; one at a time is served. Weights may be
written to between steps: when next an answer begins, what was read with others is read anew.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion, check_fits
from practicum.decoding.language_model import LanguageModel, Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.model import device_of, reading, rectangle
from practicum.decoding.sampling import Sampling, for_each
from practicum.errors import Busy, ConfigError, GivenUp, ModelError, PracticumError
from practicum.models.decoder import DecoderModel
from practicum.serving.batch import Batch
from practicum.serving.line import Line
from practicum.serving.load import Load
from practicum.serving.question import Piece, Question
from practicum.serving.row import Hear, Place, Row
from practicum.serving.scoring import scored
from practicum.serving.settings import Settings

AHEAD = 4  # batches of questions that wait at once where all are known beforehand


class Engine:
    """Answers many questions at once with one model."""

    def __init__(self, language_model: LanguageModel, settings: Settings | None = None) -> None:
        """Raises ModelError for a model that is no decoder, or a draft model that does not fit."""
        model = language_model.model
        if not isinstance(model, DecoderModel):
            raise ModelError(f"an engine runs decoders, and this is a {type(model).__name__}")
        self.language_model, self.model = language_model, model
        self.tokenizer = language_model.tokenizer
        self.settings = settings or Settings()
        if self.settings.prepack and device_of(model).type == "cpu":
            model.prepack()
        self.batch = Batch(model, self.tokenizer.size, self.settings)
        self.memory = self.batch.memory
        self._lock = threading.RLock()
        self._line = Line()
        self._numbers = itertools.count()
        self._busy = False
        self._unwanted: list[Row] = []  # cancelled, and not yet out

    # -- what evaluation sees ----------------------------------------------------------------

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """A `Completion` for each prompt as it finishes; `index` says whose it is.

        Not bounded by `Settings.waiting`. What is not consumed is cancelled.
        """
        samplings, encode = for_each(sampling, len(prompts)), self.language_model.encode_prompt
        questions = [
            Question(ids=tuple(encode(prompt)), sampling=one)
            for prompt, one in zip(prompts, samplings, strict=True)
        ]
        yield from self.answers(questions)

    def answers(self, questions: Sequence[Question]) -> Iterator[Completion]:
        """The completion of each question as it finishes; `index` says whose it is."""
        heard: deque[tuple[int, Completion | PracticumError]] = deque()

        def ear(index: int) -> Hear:
            def hear(what: Piece | Completion | PracticumError) -> None:
                if not isinstance(what, Piece):
                    heard.append((index, what))

            return hear

        for question in questions:  # before anything is read
            self._check(question)
        rows: dict[int, Row] = {}  # few at a time: a row with its numbers takes some memory
        left = deque(enumerate(questions))
        try:
            while left or rows:
                while left and len(rows) < AHEAD * self.settings.rows:
                    index, question = left.popleft()
                    rows[index] = self.prepare(question, ear(index))
                    self.enter(rows[index])
                while not heard:
                    self.step()
                index, end = heard.popleft()
                if isinstance(end, PracticumError):
                    raise end
                del rows[index]
                yield replace(end, index=index)
        finally:
            for row in rows.values():
                self.cancel(row)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """log P(continuation | context) of each pair; see `LanguageModel.loglikelihood`."""
        with self._lock:
            return self.language_model.loglikelihood(pairs)

    def embed(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """The mean of each text's last hidden states. Raises ModelError as `ask` does."""
        for ids in texts:
            self._check_ids(ids, self.model.description.context)
        means = []
        for ids in texts:
            with self._lock, reading(self.model):
                means.append(
                    self.model.hidden(rectangle([ids], device_of(self.model)))[0].float().mean(0)
                )
        return torch.stack(means)

    def score(self, ids: Sequence[int], top: int) -> Iterator[list[Choice]]:
        """As `scored`, with room for steps between the pieces. Raises ModelError as `ask` does."""
        self._check_ids(ids, self.memory.capacity)
        pieces = scored(
            self.model, ids, top, vocabulary=self.tokenizer.size, chunk=self.settings.chunk
        )
        while True:
            with self._lock:
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    # -- what a server sees ------------------------------------------------------------------

    def ask(self, question: Question, hear: Hear) -> Row:
        """Let `question` wait; `hear` is called, by whoever steps, with what is said.

        It may ask and cancel, but not step. Raises Busy where as many wait as may, ModelError where
        the prompt cannot be continued, ConfigError where its constraint is none, or its bias is for
        a token that there is not.
        """
        self.refuse_if_full()
        row = self.prepare(question, hear)
        self.enter(row)
        return row

    def refuse_if_full(self, more: int = 0) -> None:
        """Raises Busy where as many wait as may, counting `more` that are on their way."""
        waiting = len(self._line) + more
        if waiting >= self.settings.waiting:
            raise Busy(waiting, max(1.0, self.batch.pace * waiting / self.settings.rows))

    def prepare(self, question: Question, hear: Hear) -> Row:
        """An answer that can `enter`. Raises as `ask`, and waits for nothing that is computed."""
        self._check(question)
        return Row(
            question,
            hear,
            number=next(self._numbers),
            asked=time.monotonic(),
            tokenizer=self.tokenizer,
            ends=self.language_model.ends,
            capacity=self.memory.capacity,
            lookup=self.batch.drafts.lookup,
        )

    def _check(self, question: Question) -> None:
        """Raises as `ask`, but for its constraint."""
        self._check_ids(question.ids, self.memory.capacity)
        size = self.tokenizer.size
        unknown = next((id for id, _ in question.sampling.bias if id >= size), None)
        if unknown is not None:
            raise ConfigError(f"bias names token {unknown}; the vocabulary has ids 0 to {size - 1}")

    def _check_ids(self, ids: Sequence[int], most: int) -> None:
        """Raises ModelError where these are no tokens, none, or more than `most`."""
        check_fits(len(ids), most)
        size = self.tokenizer.size
        outside = next((id for id in ids if not 0 <= id < size), None)
        if outside is not None:
            raise ModelError(
                f"token {outside} is not in the vocabulary, which has ids 0 to {size - 1}"
            )

    def enter(self, row: Row) -> None:
        """Let `row` wait for its turn."""
        with self._lock:
            self.batch.counts.asked += 1
            self._line.add(row)

    def cancel(self, row: Row) -> None:
        """Let an answer be over, and its memory be free, at once; nothing more is heard of it.

        Amid a step, from a `hear` or where a generator is collected, it is free after that step.
        """
        with self._undisturbed():
            row.mute()
            self._unwanted.append(row)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, is read or is written."""
        return not (self._line or self.batch.rows or self.batch.put_off)

    @property
    def load(self) -> Load:
        """What goes on now, and what went on since the start."""
        blocks = self.memory.blocks
        return Load(
            waiting=len(self._line),
            reading=len(self.batch.reading),
            writing=len(self.batch.writing),
            blocks=blocks.count,
            blocks_used=blocks.used,
            blocks_remembered=blocks.remembered,
            **vars(self.batch.counts),
        )

    def step(self) -> bool:
        """Read a piece of prompts and write a token of every answer; False if nothing was to do.

        Where something is raised midway, the next step reads anew what answers had in memory.
        """
        with self._undisturbed() as first:
            if not first:
                raise ModelError("who hears of an answer cannot step the engine; do so afterwards")
            try:
                self._give_up()
                self._start()
                if not self.batch.rows:
                    return False
                self.batch.step()
                return True
            finally:
                for row in self.batch.put_off:
                    self._line.add(row)
                self.batch.put_off.clear()

    def fail(self, problem: PracticumError) -> None:
        """End every answer with this error."""
        with self._undisturbed():
            for row in (*self._line, *self.batch.rows):
                self._over(row, problem)

    # -- coming and going --------------------------------------------------------------------

    def _give_up(self) -> None:
        """End what nobody wants any more."""
        now = time.monotonic()
        for row in (*self._line, *self.batch.rows):
            if row.due <= now:
                self.batch.counts.cancelled += 1
                self._over(
                    row,
                    GivenUp(
                        f"the answer was not finished in {row.question.patience:g} seconds; "
                        "ask for fewer tokens or allow more time"
                    ),
                )

    def _start(self) -> None:
        """Let those who are next begin to read, while there is room for them."""
        while self._line and self.batch.start(self._line.first()):
            self._line.pop()

    @contextmanager
    def _undisturbed(self) -> Iterator[bool]:
        """Holds the lock; what is cancelled within the block leaves at the end of it.

        Yields whether this thread was not within such a block already.
        """
        with self._lock:
            first, self._busy = not self._busy, True
            try:
                yield first
            finally:
                if first:
                    self._let_go()
                    self._busy = False

    def _let_go(self) -> None:
        """Take out what was cancelled."""
        while self._unwanted:
            row = self._unwanted.pop()
            if row.place is not Place.OVER:
                self.batch.counts.cancelled += 1
                self._leave(row)

    def _leave(self, row: Row) -> None:
        if row.place is Place.WAITING:
            self._line.remove(row)
        self.batch.leave(row)

    def _over(self, row: Row, problem: PracticumError) -> None:
        if row.place is not Place.OVER:
            self._leave(row)
            row.hear(problem)
