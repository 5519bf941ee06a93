"""One answer on its way: what was asked, what was said, and where it is kept."""

from collections.abc import Callable, Collection
from enum import Enum

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion, Request, Writing
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import uniforms
from practicum.errors import PracticumError
from practicum.serving.blocks import Lease
from practicum.serving.guard import Guard
from practicum.serving.memory import Apart
from practicum.serving.question import Piece, Question
from practicum.tokenizers.tokenizer import Tokenizer

Hear = Callable[[Piece | Completion | PracticumError], None]
"""Called with each piece, and last with the completion or with what went wrong."""


class Place(Enum):
    """Where an answer is."""

    WAITING = "waiting"  # nothing of it is in memory
    READING = "reading"  # its prompt is being read
    WRITING = "writing"  # it gets a token at every step
    OVER = "over"


class Row:
    """An answer that is being written, or waits to be."""

    def __init__(
        self,
        question: Question,
        hear: Hear,
        *,
        number: int,
        asked: float,  # when, in seconds of the engine's clock
        tokenizer: Tokenizer,
        ends: Collection[int],
        capacity: int,
        lookup: PromptLookup | None = None,
    ) -> None:
        self.question, self.hear = question, hear
        self.number, self.asked = number, asked
        request = Request(index=number, ids=question.ids, sampling=question.sampling)
        self.ends = frozenset(ends) | question.stop_ids
        self.writing = Writing(request, tokenizer, self.ends, capacity)
        self.guard: Guard | None = None
        if question.constraint is not None:
            self.guard = Guard(question.constraint.matcher(tokenizer, self.ends), tokenizer)
        drawing = question.sampling.temperature > 0
        # token i uses number i, so that a row goes on as before when it is read anew
        self.numbers: list[float] = (
            uniforms(question.sampling, self.writing.limit).tolist() if drawing else []
        )
        self.drafter = None
        if lookup is not None:
            self.drafter = lookup.drafter(request, self.writing.limit, tokenizer.size)
        self.ids = list(question.ids)  # the prompt, and what was said
        self.read = 0  # tokens of `ids` that are in memory
        self.followed = 0  # and in that of a model that drafts
        self.place = Place.WAITING
        self.lease: Lease | None = None
        self.apart: Apart = {}
        self.shared: int | None = None  # tokens of the prompt that had been read for another
        self._choices: list[Choice] = []

    @property
    def said(self) -> int:
        """Tokens of the answer so far."""
        return len(self.ids) - len(self.question.ids)

    @property
    def due(self) -> float:
        """When patience ends; infinite without one."""
        patience = self.question.patience
        return float("inf") if patience is None else self.asked + patience

    @property
    def left(self) -> int:
        """Tokens that may be drafted before the answer's end."""
        return self.writing.limit - self.said - 1

    def mute(self) -> None:
        """Let nobody hear any more of it."""
        self.hear = lambda _: None

    def draft(self, count: int) -> tuple[int, ...]:
        """At most `count` tokens that may come next, without a model: demanded, or looked up."""
        if self.guard is not None and (likely := self.guard.likely(count)):
            return likely
        ids = () if self.drafter is None else self.drafter.propose(count).ids
        return ids if self.guard is None else self.guard.fitting(ids)

    def take(self, choice: Choice) -> None:
        """Let a token have been chosen, and tell what can be told."""
        self.ids.append(choice.id)
        if self.guard is not None:
            self.guard.take(choice.id)
        if self.drafter is not None:
            self.drafter.take([choice.id])
        text = self.writing.take(choice)
        self._choices.append(choice)
        if text:
            choices, self._choices = tuple(self._choices), []
            self.hear(Piece(text=text, choices=choices, shared=self.shared or 0))
        if self.writing.finish is not None:
            if self._choices:
                choices = tuple(self._choices)
                self.hear(Piece(text="", choices=choices, shared=self.shared or 0))
            self.hear(self.writing.completion())
