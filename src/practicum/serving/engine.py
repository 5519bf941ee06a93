"""Continuous batching: answers join and leave the batch token by token (Yu et al. 2022, §4).

A step reads one piece of the prompts that have to be read, and gives one token to every answer
that is being written. Memory is given in blocks as texts grow (Kwon et al. 2023). Where it is short
the least urgent answer is put off: its blocks go, it waits again, and later what it has read and
said is read anew. So an answer depends on its question alone, up to the rounding of matrix products
of different size.

`generate` and `loglikelihood` are what evaluation and rollouts use; `ask`, `cancel` and `step` are
for a server. All may be called from several threads; one at a time is served.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion, check_fits
from practicum.decoding.language_model import LanguageModel, Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.model import device_of, reading, rectangle
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ConfigError, GivenUp, ModelError, PracticumError
from practicum.models.decoder import DecoderModel
from practicum.serving.blocks import Lease
from practicum.serving.choosing import Spot, choose
from practicum.serving.line import Line, urgency
from practicum.serving.memory import Apart, Memory, joined
from practicum.serving.question import Piece, Question
from practicum.serving.row import Hear, Place, Row
from practicum.serving.settings import Settings

FEW = 16  # tokens beyond which a step takes longer for each more
SECONDS_EACH = 2.0  # what an answer is taken to need before any has been measured


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an engine does now, and what it has done."""

    waiting: int  # questions
    reading: int
    writing: int
    blocks: int
    blocks_used: int
    blocks_remembered: int  # nobody's, but known as the beginning of a prompt
    asked: int  # from here on: since the start
    finished: int
    cancelled: int  # or given up
    put_off: int  # times that memory was short
    prompt_tokens: int
    shared_tokens: int  # of these, read before for another
    said_tokens: int
    drafted_rightly: int  # of these, written without a step of their own
    steps: int


@dataclass(eq=False)
class Counts:
    """What is counted since the start."""

    asked: int = 0
    finished: int = 0
    cancelled: int = 0
    put_off: int = 0
    prompt_tokens: int = 0
    shared_tokens: int = 0
    said_tokens: int = 0
    drafted_rightly: int = 0
    steps: int = 0


class Engine:
    """Answers many questions at once with one model."""

    def __init__(self, language_model: LanguageModel, settings: Settings | None = None) -> None:
        """Raises ModelError for a model that is no decoder."""
        model = language_model.model
        if not isinstance(model, DecoderModel):
            raise ModelError(f"an engine runs decoders, and this is a {type(model).__name__}")
        self.language_model, self.model = language_model, model
        self.tokenizer = language_model.tokenizer
        self.settings = settings or Settings()
        self.memory = Memory(model, self.settings)
        self._device = device_of(model)
        if self.settings.prepack and self._device.type == "cpu":
            model.prepack()
        self._lock = threading.RLock()
        self._line = Line()
        self._reading: list[Row] = []
        self._writing: list[Row] = []
        self._apart: Apart | None = None  # of the rows that write, in their order
        self._numbers = itertools.count()
        self._counts = Counts()
        self._pace = SECONDS_EACH

    # -- what evaluation sees ----------------------------------------------------------------

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """A `Completion` for each prompt as it finishes; `index` says whose it is.

        Not bounded by `Settings.waiting`. What is not consumed is cancelled.
        """
        samplings = [sampling] * len(prompts) if isinstance(sampling, Sampling) else list(sampling)
        if len(samplings) != len(prompts):
            raise ConfigError(
                f"{len(samplings)} samplings for {len(prompts)} prompts; give one or one for each"
            )
        encode = self.language_model.encode_prompt
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

        # all are looked at before anything is read
        rows = [self.prepare(question, ear(i)) for i, question in enumerate(questions)]
        try:
            for row in rows:
                self.enter(row)
            left = len(rows)
            while left:
                while not heard:
                    self.step()
                index, end = heard.popleft()
                if isinstance(end, PracticumError):
                    raise end
                left -= 1
                yield replace(end, index=index)
        finally:
            for row in rows:
                self.cancel(row)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """log P(continuation | context) of each pair; see `LanguageModel.loglikelihood`."""
        with self._lock:
            return self.language_model.loglikelihood(pairs)

    def embed(self, texts: Sequence[Sequence[int]]) -> Float[Tensor, "n d"]:
        """The mean of each text's last hidden states. Raises ModelError as `ask` does."""
        for ids in texts:
            check_fits(len(ids), self.model.description.context)
        means = []
        for ids in texts:
            with self._lock, reading(self.model):
                means.append(self.model.hidden(rectangle([ids], self._device))[0].float().mean(0))
        return torch.stack(means)

    # -- what a server sees ------------------------------------------------------------------

    def ask(self, question: Question, hear: Hear) -> Row:
        """Let `question` wait; `hear` is called, by whoever steps, with what is said.

        Raises Busy where as many wait as may, ModelError where the prompt cannot be continued,
        ConfigError where its constraint is none.
        """
        self.refuse_if_full()
        row = self.prepare(question, hear)
        self.enter(row)
        return row

    def refuse_if_full(self, more: int = 0) -> None:
        """Raises Busy where as many wait as may, counting `more` that are on their way."""
        waiting = len(self._line) + more
        if waiting >= self.settings.waiting:
            raise Busy(waiting, max(1.0, self._pace * waiting / self.settings.rows))

    def prepare(self, question: Question, hear: Hear) -> Row:
        """An answer that can `enter`. Raises as `ask`, and waits for nothing that is computed."""
        check_fits(len(question.ids), self.memory.capacity)
        size = self.tokenizer.size
        outside = next((id for id in question.ids if not 0 <= id < size), None)
        if outside is not None:
            raise ModelError(
                f"token {outside} is not in the vocabulary, which has ids 0 to {size - 1}"
            )
        return Row(
            question,
            hear,
            number=next(self._numbers),
            asked=time.monotonic(),
            tokenizer=self.tokenizer,
            ends=self.language_model.ends,
            capacity=self.memory.capacity,
            lookup=self.settings.lookup if self.memory.all_in_blocks else None,
        )

    def enter(self, row: Row) -> None:
        """Let `row` wait for its turn."""
        with self._lock:
            self._counts.asked += 1
            self._line.add(row)

    def cancel(self, row: Row) -> None:
        """Let an answer be over, and its memory be free, at once; nothing more is heard of it."""
        with self._lock:
            if row.place is not Place.OVER:
                self._counts.cancelled += 1
                self._leave(row)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, is read or is written."""
        return not (self._line or self._reading or self._writing)

    @property
    def load(self) -> Load:
        """What goes on now, and what went on since the start."""
        blocks = self.memory.blocks
        return Load(
            waiting=len(self._line),
            reading=len(self._reading),
            writing=len(self._writing),
            blocks=blocks.count,
            blocks_used=blocks.used,
            blocks_remembered=blocks.remembered,
            **vars(self._counts),
        )

    def step(self) -> bool:
        """Read a piece of prompts and write a token of every answer; False if nothing was to do."""
        with self._lock:
            self._give_up()
            self._start()
            if not self._reading and not self._writing:
                return False
            self._counts.steps += 1
            with reading(self.model):
                if self._writing:
                    self._write()
                if self._reading:
                    self._read()
            return True

    def fail(self, problem: PracticumError) -> None:
        """End every answer with this error."""
        with self._lock:
            for row in (*self._line, *self._reading, *self._writing):
                self._over(row, problem)

    # -- coming and going --------------------------------------------------------------------

    def _give_up(self) -> None:
        """End what nobody wants any more."""
        now = time.monotonic()
        for row in (*self._line, *self._reading, *self._writing):
            if row.due <= now:
                self._counts.cancelled += 1
                self._over(
                    row,
                    GivenUp(
                        f"the answer was not finished in {row.question.patience:g} seconds; "
                        "ask for fewer tokens or allow more time"
                    ),
                )

    def _start(self) -> None:
        """Let those who are next begin to read, while there is room for them."""
        while self._line and len(self._reading) + len(self._writing) < self.settings.rows:
            row = self._line.first()
            if self._read_soon(row):
                return  # what it begins with is being read for another
            blocks = self.memory.blocks
            lease = blocks.begin(row.ids if self.memory.shareable else [])
            # what writes already must be able to go on for a while
            spare = blocks.available - blocks.missing(lease, len(row.ids) + 1)
            if spare < len(self._writing) or not blocks.extend(lease, len(row.ids) + 1):
                blocks.end(lease)
                return
            self._line.pop()
            row.lease, row.apart = lease, self.memory.apart()
            row.read = len(lease.known) * blocks.size
            if not row.said:
                row.shared = row.read
                self._counts.prompt_tokens += len(row.ids)
                self._counts.shared_tokens += row.read
            row.place = Place.READING
            self._reading.append(row)

    def _read_soon(self, row: Row) -> bool:
        """Whether a row that is being read will leave more of this beginning known than now is."""
        if not self.memory.shareable:
            return False
        size = self.memory.blocks.size
        known = self.memory.blocks.matched(row.ids)
        wanted = row.ids[: known + size]
        if len(wanted) == len(row.ids) or len(wanted) < known + size:
            return False  # the last token is read anyway
        return any(other.ids[: known + size] == wanted for other in self._reading)

    def _leave(self, row: Row) -> None:
        """Take `row` out of wherever it is, and its memory from it."""
        if row.place is Place.WAITING:
            self._line.remove(row)
        elif row.place is Place.READING:
            self._reading.remove(row)
        elif row.place is Place.WRITING:
            self._part([row])
        row.place = Place.OVER
        if row.lease is not None:
            self.memory.blocks.end(row.lease)
        row.lease, row.apart, row.read = None, {}, 0

    def _part(self, rows: Sequence[Row]) -> None:
        """Take `rows` out of the batch that writes."""
        kept = [i for i, row in enumerate(self._writing) if row not in rows]
        self._writing = [self._writing[i] for i in kept]
        if not kept:
            self._apart = None
        for past in (self._apart or {}).values():
            past.select(kept)

    def _over(self, row: Row, problem: PracticumError) -> None:
        if row.place is Place.OVER:
            return
        self._leave(row)
        row.hear(problem)

    def _put_off(self, row: Row) -> None:
        """Free the memory of `row`, which will be read anew."""
        self._counts.put_off += 1
        self._leave(row)
        row.place = Place.WAITING
        self._line.add(row)

    # -- reading and writing -----------------------------------------------------------------

    def _read(self) -> None:
        """Read the next piece of the prompts that are first, and begin to write where one ends."""
        rows, counts = self._piece()
        starts = [row.read for row in rows]
        parts = [row.ids[row.read : row.read + n] for row, n in zip(rows, counts, strict=True)]
        state = self.memory.state([_lease(row) for row in rows], starts, max(counts), rows[0].apart)
        state.expect(counts)
        hidden = self.model.hidden(rectangle(parts, self._device), state)
        for row, count in zip(rows, counts, strict=True):
            row.read += count
            self._publish(row)
        ends = [i for i, row in enumerate(rows) if row.read == len(row.ids)]
        if ends:
            last = torch.tensor([counts[i] - 1 for i in ends], device=hidden.device)
            at = torch.tensor(ends, device=hidden.device)
            self._begin([rows[i] for i in ends], hidden[at, last])

    def _piece(self) -> tuple[list[Row], list[int]]:
        """Rows that are read together, and how many tokens of each: at most `Settings.chunk`.

        Rows that keep anything outside of blocks are read one by one.
        """
        self._reading.sort(key=urgency)
        room = self.settings.chunk
        rows: list[Row] = []
        longest = 0
        for row in self._reading:
            left = len(row.ids) - row.read
            wider = max(longest, min(left, room))
            if rows and (wider * (len(rows) + 1) > room or not self.memory.all_in_blocks):
                break
            rows.append(row)
            longest = wider
        return rows, [min(longest, len(row.ids) - row.read) for row in rows]

    def _begin(self, rows: list[Row], hidden: Float[Tensor, "b d"]) -> None:
        """Let rows whose prompt has been read write their first token."""
        for row in rows:
            self._reading.remove(row)
            row.place = Place.WRITING
            self._apart = joined(self._apart, row.apart)
            row.apart = {}
            self._writing.append(row)
        self._say([Spot(row) for row in rows], hidden, [()] * len(rows))

    def _write(self) -> None:
        """One more token for every answer that is being written, and those drafted rightly."""
        furthest = max(row.read for row in self._writing)
        count = min(
            self.settings.draft,
            FEW // len(self._writing) - 1,
            self.memory.capacity - furthest - 1,
        )
        drafted = {row: row.draft(max(0, count)) for row in self._writing}
        self._make_room(drafted)
        rows = list(self._writing)
        if not rows:
            return
        drafts = [drafted[row] for row in rows]
        longest = 1 + max(map(len, drafts))
        fed = [[row.ids[row.read], *draft] for row, draft in zip(rows, drafts, strict=True)]
        state = self.memory.state(
            [_lease(row) for row in rows], [row.read for row in rows], longest, self._apart or {}
        )
        hidden = self.model.hidden(rectangle(fed, self._device), state)
        spots = [
            Spot(row, draft[:ahead])
            for row, draft in zip(rows, drafts, strict=True)
            for ahead in range(len(draft) + 1)
        ]
        at = [(i, ahead) for i, draft in enumerate(drafts) for ahead in range(len(draft) + 1)]
        if longest == 1:
            self._say(spots, hidden[:, 0], drafts)
        else:
            row, place = torch.tensor(at, device=hidden.device).unbind(1)
            self._say(spots, hidden[row, place], drafts)

    def _make_room(self, drafts: Mapping[Row, Sequence[int]]) -> None:
        """See to it that every row that writes has a place for its next token and its draft."""
        for row in sorted(self._writing, key=urgency):
            while row.place is Place.WRITING and not self.memory.blocks.extend(
                _lease(row), row.read + 1 + len(drafts[row])
            ):
                self._put_off(max((*self._reading, *self._writing), key=urgency))

    def _say(
        self,
        spots: list[Spot],
        hidden: Float[Tensor, "b d"],
        drafts: Sequence[tuple[int, ...]],
    ) -> None:
        """Choose tokens from the hidden states, and let the finished rows go.

        A draft is kept while it is what would have been chosen without it.
        """
        logits = self.model.logits(hidden[:, None])[:, 0, : self.tokenizer.size]
        chosen = iter(choose(spots, logits))
        rows = [spot.row for spot in spots if not spot.ahead]
        for row, draft in zip(rows, drafts, strict=True):
            wanted = [next(chosen) for _ in range(len(draft) + 1)]
            for place, choice in enumerate(wanted):
                if row.place is not Place.WRITING:
                    break  # finished, or cancelled by who heard of another
                if place > 0 and draft[place - 1] != row.ids[-1]:
                    break
                self._counts.drafted_rightly += place > 0
                self._take(row, choice)

    def _take(self, row: Row, choice: Choice | None) -> None:
        """Let `row` have said this, after all it said before has been read."""
        if choice is None:
            self._spoilt(row)
            return
        now = time.monotonic()
        row.read = len(row.ids)
        if row.read // self.memory.blocks.size > len(_lease(row).known):
            self._publish(row)
        row.first_token = row.first_token or now
        self._counts.said_tokens += 1
        row.take(choice)
        if row.writing.finish is not None and row.place is Place.WRITING:
            self._counts.finished += 1
            self._pace += 0.1 * (now - row.asked - self._pace)
            self._leave(row)

    def _spoilt(self, row: Row) -> None:
        """End a row whose scores are no numbers, and clean what it wrote."""
        lease = _lease(row)
        own = lease.blocks[len(lease.known) :]
        self._over(row, ModelError("the model's scores are no numbers; its weights are unusable"))
        self.memory.clear([*own, *self.memory.blocks.forget()])

    def _publish(self, row: Row) -> None:
        if self.memory.shareable:
            self.memory.blocks.publish(_lease(row), row.ids[: row.read])


def _lease(row: Row) -> Lease:
    assert row.lease is not None, f"a row that is {row.place.value} has memory"
    return row.lease
