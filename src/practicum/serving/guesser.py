"""A smaller model that reads along, and guesses what the other will say (Leviathan et al. 2023).

Its guesses are coupled: each is chosen by the row's own filters, under its own constraint, with the
very number that chooses the token there, and is kept where the other model chooses the same. So
they change no text. All rows are guessed for together. Keys and values lie in the blocks that the
rows lease anyway, in pools of its own, so that a beginning which was read for another row is known
to both models.

A row has `followed` tokens in the memory of this one. It falls behind while nothing is drafted, by
less than a block, and catches up at the next guess.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.decoding.draft_model import DraftModel
from practicum.decoding.model import device_of, reading, rectangle
from practicum.errors import ModelError, PracticumError
from practicum.models.decoder import DecoderModel
from practicum.serving.captured import steps_of
from practicum.serving.choosing import Spot, Unsound, choose
from practicum.serving.memory import Memory
from practicum.serving.row import Row
from practicum.serving.settings import Settings


class Guesser:
    """Drafts for the rows in a `memory`, over `vocabulary` tokens."""

    def __init__(
        self, model: DecoderModel, memory: Memory, vocabulary: int, settings: Settings
    ) -> None:
        """Raises ModelError for a model that cannot draft for these rows."""
        if model.description.vocab < vocabulary:
            raise ModelError(
                f"a draft model of {model.description.vocab} tokens cannot speak for a tokenizer "
                f"of {vocabulary}; take one with the same tokenizer"
            )
        self._model, self._vocabulary, self._device = model, vocabulary, device_of(model)
        self._memory = Memory(model, settings, blocks=memory.blocks)
        for name, one in (("the draft model", self._memory), ("a model with drafts", memory)):
            if not one.all_in_blocks:
                raise ModelError(
                    f"{name} has layers that do not attend to all that was said (windows or "
                    "recurrences), and these cannot take back a draft; serve without one"
                )
        self._reach = self._memory.capacity  # tokens of a row that it can read
        if settings.prepack and self._device.type == "cpu":
            model.prepack()
        self._steps = steps_of(model, self._memory, settings)

    def start(self, row: Row) -> None:
        """Let `row` begin with what is known of it."""
        row.followed = min(row.read, self._reach)

    def known(self, row: Row) -> int:
        """How many tokens of `row` are in both memories, or in one that this model cannot reach."""
        return row.read if row.followed >= self._reach else min(row.read, row.followed)

    def follow(self, rows: Sequence[Row]) -> None:
        """Read what the other model has read of these rows."""
        parts = {row: row.ids[row.followed : min(row.read, self._reach)] for row in rows}
        with reading(self._model):
            self._read(parts)

    def guess(
        self, begun: Mapping[Row, tuple[int, ...]], counts: Mapping[Row, int]
    ) -> dict[Row, tuple[int, ...]]:
        """Drafts that begin as they do in `begun`, of at most `counts` tokens each.

        The blocks of a row have room for as many. Beyond its own context a model guesses nothing.
        """
        drafts = {row: list(ids) for row, ids in begun.items()}
        wanted = {row: min(counts[row], self._reach - len(row.ids) + 1) for row in begun}
        rows = [row for row, draft in drafts.items() if len(draft) < wanted[row]]
        parts = self._behind(begun)
        parts |= {row: [*row.ids[row.followed :], *drafts[row]] for row in rows}
        with reading(self._model):
            last = self._read(parts)
            scores = self._scores([last[row] for row in rows]) if rows else None
            while scores is not None:
                going: dict[Row, int] = {}
                for row, id in self._chosen(rows, drafts, scores).items():
                    drafts[row].append(id)
                    if len(drafts[row]) < wanted[row]:
                        going[row] = id
                rows = list(going)
                scores = self._step(going) if rows else None
        return {row: tuple(draft) for row, draft in drafts.items()}

    def clear(self, blocks: Sequence[int]) -> None:
        """As `Memory.clear`."""
        self._memory.clear(blocks)

    def _behind(self, rows: Mapping[Row, object]) -> dict[Row, list[int]]:
        """What is to be read of rows that are a block behind, or about to leave the context."""
        parts = {row: row.ids[row.followed : self._reach] for row in rows}
        block = self._memory.blocks.size
        return {
            row: part
            for row, part in parts.items()
            if len(part) >= block or len(row.ids) > self._reach
        }

    def _chosen(
        self, rows: Sequence[Row], drafts: Mapping[Row, list[int]], scores: Float[Tensor, "b v"]
    ) -> dict[Row, int]:
        """The next token of each draft; none where the text would end, or nothing can be said."""
        spots = [Spot(row, tuple(drafts[row])) for row in rows]
        found = choose(spots, scores[:, : self._vocabulary])
        chosen: dict[Row, int] = {}
        for row, choice in zip(rows, found, strict=True):
            if isinstance(choice, Unsound) and row.lease is not None:
                self.clear(row.lease.blocks)
            elif not isinstance(choice, PracticumError) and choice.id not in row.ends:
                chosen[row] = choice.id
        return chosen

    def _step(self, ids: Mapping[Row, int]) -> Float[Tensor, "b v"]:
        """The scores after one more token in each row, by a recorded step where there is one."""
        rows = list(ids)
        if self._steps is not None:
            leases = [row.lease for row in rows if row.lease is not None]
            starts = [row.followed for row in rows]
            scores = self._steps(list(ids.values()), leases, starts)
            if scores is not None:
                for row in rows:
                    row.followed += 1
                return scores
        last = self._read({row: [id] for row, id in ids.items()})
        return self._scores([last[row] for row in rows])

    def _scores(self, hidden: Sequence[Float[Tensor, " d"]]) -> Float[Tensor, "b v"]:
        return self._model.logits(torch.stack(list(hidden))[:, None])[:, 0]

    def _read(self, parts: Mapping[Row, list[int]]) -> dict[Row, Float[Tensor, " d"]]:
        """Read these tokens where each row stands; the hidden state after the last of each."""
        left = {row: part for row, part in parts.items() if part}
        last: dict[Row, Float[Tensor, " d"]] = {}
        while left:
            rows = list(left)
            starts = [row.followed for row in rows]
            # padding, too, has to stand within the context
            width = min(max(map(len, left.values())), self._reach - max(starts))
            fed = [left[row][:width] for row in rows]
            leases = [row.lease for row in rows if row.lease is not None]
            state = self._memory.state(leases, starts, width, {})
            state.expect([len(ids) for ids in fed])
            hidden = self._model.hidden(rectangle(fed, self._device), state)
            for place, (row, ids) in enumerate(zip(rows, fed, strict=True)):
                row.followed += len(ids)
                last[row] = hidden[place, len(ids) - 1]
            left = {row: part[width:] for row, part in left.items() if len(part) > width}
        return last


def draft_model(settings: Settings) -> DecoderModel | None:
    """The model that is to draft; None: there is none. Raises ModelError for one that cannot."""
    if not isinstance(settings.drafts, DraftModel):
        return None
    model = settings.drafts.model
    if not isinstance(model, DecoderModel):
        raise ModelError(f"an engine's drafts come from decoders; this is a {type(model).__name__}")
    return model
