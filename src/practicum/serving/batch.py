"""The answers that are in memory: their prompts are read piece by piece, and all write together.

A step reads one piece of the prompts that have to be read, and gives one token to every answer that
is being written (Yu et al. 2022, §4). Memory is given in blocks as texts grow (Kwon et al. 2023);
where it is short the least urgent answer is put off, and what it has read and said is later read
anew. So are all of them where a step breaks midway, or where other weights are found. Who comes
next is not decided here.
"""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.chooser import Choice
from practicum.decoding.model import device_of, reading, rectangle
from practicum.errors import PracticumError
from practicum.models.decoder import DecoderModel
from practicum.serving.blocks import Lease
from practicum.serving.captured import steps_of
from practicum.serving.choosing import Spot, Unsound, choose
from practicum.serving.drafts import Drafts
from practicum.serving.guesser import Guesser, draft_model
from practicum.serving.line import urgency
from practicum.serving.load import Counts
from practicum.serving.memory import Apart, Memory, joined, token_bytes
from practicum.serving.pieces import piece
from practicum.serving.row import Place, Row
from practicum.serving.settings import Settings
from practicum.serving.unchanged import Unwritten

SECONDS_EACH = 2.0  # what an answer is taken to need before any has been measured


class Batch:
    """Rows of one model. Texts are over `vocabulary` tokens, of which the model may score more."""

    def __init__(self, model: DecoderModel, vocabulary: int, settings: Settings) -> None:
        draft = draft_model(settings)
        beside = 0 if draft is None else token_bytes(draft)
        self.memory = Memory(model, settings, beside=beside)
        guesser = None if draft is None else Guesser(draft, self.memory, vocabulary, settings)
        self.drafts = Drafts(self.memory, guesser, settings)
        self.counts = Counts()
        self.pace = SECONDS_EACH  # that an answer takes, of late
        self.reading: list[Row] = []
        self.writing: list[Row] = []
        self.put_off: list[Row] = []  # until somebody lets them wait
        self._model, self._vocabulary, self._settings = model, vocabulary, settings
        self._device, self._context = device_of(model), model.description.context
        self._apart: Apart | None = None  # of the rows that write, in their order
        self._steps = steps_of(model, self.memory, settings)
        self._unwritten = Unwritten(model)

    @property
    def rows(self) -> list[Row]:
        """All of them."""
        return [*self.reading, *self.writing]

    def start(self, row: Row) -> bool:
        """Let `row` begin to read; False where there is no room now."""
        if len(self.rows) >= self._settings.rows or self._read_soon(row):
            return False
        blocks = self.memory.blocks
        lease = blocks.begin(row.ids if self.memory.shareable else [])
        tokens = min(len(row.ids) + 1, self.memory.capacity)  # the last of a full one is not read
        # what writes already must be able to go on for a while
        if blocks.available - blocks.missing(lease, tokens) < len(self.writing):
            blocks.end(lease)
            return False
        if not self._unwritten:
            blocks.end(lease)
            self._forget()
            return self.start(row)
        row.apart = self.memory.apart()  # first, since it may be refused
        blocks.extend(lease, tokens)
        row.lease = lease
        row.read = len(lease.known) * blocks.size
        self.drafts.start(row)
        if row.shared is None:
            row.shared = row.read
            self.counts.prompt_tokens += len(row.ids)
            self.counts.shared_tokens += row.read
        row.place = Place.READING
        self.reading.append(row)
        return True

    def step(self) -> None:
        """Read a piece of prompts and write a token of every answer."""
        self.counts.steps += 1
        try:
            with reading(self._model):
                if self.writing:
                    self._write()
                if self.reading:
                    self._read()
        except BaseException:  # nobody knows what of it is in memory
            self._put_off_all()
            raise

    def leave(self, row: Row) -> None:
        """Take `row` out, and its memory from it."""
        if row.place is Place.READING:
            self.reading.remove(row)
        elif row.place is Place.WRITING:
            self._part(row)
        row.place = Place.OVER
        if row.lease is not None:
            self.memory.blocks.end(row.lease)
        row.lease, row.apart, row.read, row.followed = None, {}, 0, 0

    def _put_off(self, row: Row) -> None:
        """Let `row` be read anew later, with what it has said."""
        self.leave(row)
        row.place = Place.WAITING
        self.put_off.append(row)

    def _put_off_all(self) -> None:
        self._apart = None
        for row in self.rows:
            if row.writing.finish is None:
                self._put_off(row)
            else:  # whoever heard its end has raised
                self.leave(row)

    def _forget(self) -> None:
        """Let nothing be known: it was read with other weights."""
        self._put_off_all()
        self.memory.blocks.forget()
        self._unwritten = Unwritten(self._model)

    def _part(self, row: Row) -> None:
        """Take `row` out of those that write."""
        kept = [i for i, other in enumerate(self.writing) if other is not row]
        self.writing = [self.writing[i] for i in kept]
        if not kept:
            self._apart = None
        for past in (self._apart or {}).values():
            past.select(kept)

    def _read_soon(self, row: Row) -> bool:
        """Whether a row that is being read will leave more of this beginning known than now is."""
        if not self.memory.shareable:
            return False
        size = self.memory.blocks.size
        known = self.memory.blocks.matched(row.ids)
        wanted = row.ids[: known + size]
        if len(wanted) == len(row.ids) or len(wanted) < known + size:
            return False  # the last token is read anyway
        return any(other.ids[: known + size] == wanted for other in self.reading)

    def _read(self) -> None:
        """Read the next piece of the prompts that are first, and begin to write where one ends."""
        self.reading.sort(key=urgency)
        together = self.memory.all_in_blocks
        rows, counts = piece(self.reading, self._settings.chunk, self._context, together=together)
        starts = [row.read for row in rows]
        parts = [row.ids[row.read : row.read + n] for row, n in zip(rows, counts, strict=True)]
        state = self.memory.state([_lease(row) for row in rows], starts, max(counts), rows[0].apart)
        state.expect(counts)
        hidden = self._model.hidden(rectangle(parts, self._device), state)
        for row, count in zip(rows, counts, strict=True):
            row.read += count
        self.drafts.follow(rows)
        for row in rows:
            self._publish(row)
        ends = [i for i, row in enumerate(rows) if row.read == len(row.ids)]
        if ends:
            last = torch.tensor([counts[i] - 1 for i in ends], device=hidden.device)
            at = torch.tensor(ends, device=hidden.device)
            self._begin([rows[i] for i in ends], hidden[at, last])

    def _begin(self, rows: list[Row], hidden: Float[Tensor, "b d"]) -> None:
        """Let rows whose prompt has been read write their first token."""
        for row in rows:
            self.reading.remove(row)
            row.place = Place.WRITING
            self._apart = joined(self._apart, row.apart)
            row.apart = {}
            self.writing.append(row)
        self._say([Spot(row) for row in rows], self._scores(hidden), [()] * len(rows))

    def _write(self) -> None:
        """One more token for every answer that is being written, and those drafted rightly."""
        self._make_room()
        rows = list(self.writing)
        if not rows:
            return
        drafts = self.drafts.of(rows)
        longest = 1 + max(map(len, drafts))
        scores = self._stepped(rows) if longest == 1 else None
        if scores is not None:
            self._say([Spot(row) for row in rows], scores, drafts)
            return
        fed = [[row.ids[row.read], *draft] for row, draft in zip(rows, drafts, strict=True)]
        state = self.memory.state(
            [_lease(row) for row in rows], [row.read for row in rows], longest, self._apart or {}
        )
        hidden = self._model.hidden(rectangle(fed, self._device), state)
        spots = [
            Spot(row, draft[:ahead])
            for row, draft in zip(rows, drafts, strict=True)
            for ahead in range(len(draft) + 1)
        ]
        at = [(i, ahead) for i, draft in enumerate(drafts) for ahead in range(len(draft) + 1)]
        if longest == 1:
            self._say(spots, self._scores(hidden[:, 0]), drafts)
        else:
            row, place = torch.tensor(at, device=hidden.device).unbind(1)
            self._say(spots, self._scores(hidden[row, place]), drafts)

    def _stepped(self, rows: Sequence[Row]) -> Float[Tensor, "b v"] | None:
        """The scores after one more token in each row by a recorded step, where there is one."""
        if self._steps is None:
            return None
        ids, leases = [row.ids[row.read] for row in rows], [_lease(row) for row in rows]
        return self._steps(ids, leases, [row.read for row in rows])

    def _scores(self, hidden: Float[Tensor, "b d"]) -> Float[Tensor, "b v"]:
        return self._model.logits(hidden[:, None])[:, 0]

    def _make_room(self) -> None:
        """See to it that every row that writes has a place for its next token."""
        for row in sorted(self.writing, key=urgency):
            while row.place is Place.WRITING and not self.memory.blocks.extend(
                _lease(row), row.read + 1
            ):
                last = max(self.rows, key=urgency)
                self.counts.put_off += 1
                self._put_off(last)

    def _say(
        self,
        spots: list[Spot],
        scores: Float[Tensor, "b v"],
        drafts: Sequence[tuple[int, ...]],
    ) -> None:
        """Choose tokens by their scores, and let the finished rows go.

        A draft is kept while it is what would have been chosen without it.
        """
        chosen = iter(choose(spots, scores[:, : self._vocabulary]))
        rows = [spot.row for spot in spots if not spot.ahead]
        for row, draft in zip(rows, drafts, strict=True):
            wanted = [next(chosen) for _ in range(len(draft) + 1)]
            self.counts.drafted += len(draft)
            for place, choice in enumerate(wanted):
                if row.place is not Place.WRITING:
                    break  # it is finished, or failed
                if place > 0 and draft[place - 1] != row.ids[-1]:
                    break
                self.counts.drafted_rightly += place > 0
                self._take(row, choice)
            row.followed = min(row.followed, row.read)

    def _take(self, row: Row, choice: Choice | PracticumError) -> None:
        """Let `row` have said this, after all it said before has been read."""
        if isinstance(choice, PracticumError):
            self._fail(row, choice)
            return
        now = time.monotonic()
        row.read = len(row.ids)
        if self.drafts.known(row) // self.memory.blocks.size > len(_lease(row).known):
            self._publish(row)
        self.counts.said_tokens += 1
        try:
            row.take(choice)
        except PracticumError as problem:  # the constraint cannot be followed any more
            self._fail(row, problem)
            return
        if row.writing.finish is not None:
            self.counts.finished += 1
            self.pace += 0.1 * (now - row.asked - self.pace)
            self.leave(row)

    def _fail(self, row: Row, problem: PracticumError) -> None:
        """End `row`, and clean what it wrote where that may hold what is no number."""
        lease = _lease(row)
        own = lease.blocks[len(lease.known) :]
        self.leave(row)
        if isinstance(problem, Unsound):
            self.drafts.clear([*own, *self.memory.blocks.forget()])
        row.hear(problem)

    def _publish(self, row: Row) -> None:
        if self.memory.shareable:
            self.memory.blocks.publish(_lease(row), row.ids[: self.drafts.known(row)])


def _lease(row: Row) -> Lease:
    assert row.lease is not None, f"a row that is {row.place.value} has memory"
    return row.lease
