"""Drafts by a smaller model with the same tokenizer (Leviathan et al. 2023; Chen et al. 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from practicum.decoding.drafting import Draft, numbers
from practicum.decoding.generate import Request
from practicum.decoding.model import CausalModel, device_of
from practicum.decoding.sampling import draw, filtered
from practicum.decoding.spoken import Spoken
from practicum.decoding.tape import Tape
from practicum.errors import ModelError


@dataclass(frozen=True, kw_only=True, eq=False)
class DraftModel:
    """A model that guesses what another will say, by the request's own filters.

    Drawn drafts are kept by the rule of the papers: the text has the distribution of plain
    decoding, but is another draw from it. Drafts that are `coupled` are drawn with the very numbers
    that choose the text and kept while both models choose the same: the text is that of plain
    decoding with the same seed, and fewer drafts may stay. At temperature 0 there is no difference.
    """

    model: CausalModel
    coupled: bool = False

    def drafter(self, request: Request, limit: int, vocabulary: int) -> "ModelDrafter":
        """For a text of `request` of at most `limit` new tokens.

        Raises ModelError where the model's vocabulary is smaller than the tokenizer's.
        """
        if self.model.description.vocab < vocabulary:
            raise ModelError(
                f"a draft model of {self.model.description.vocab} tokens cannot speak for a "
                f"tokenizer of {vocabulary}; take one with the same tokenizer"
            )
        return ModelDrafter(self, request, limit, vocabulary)


class ModelDrafter:
    """Implements `Drafter`. Where its context is full it proposes nothing."""

    def __init__(
        self, description: DraftModel, request: Request, limit: int, vocabulary: int
    ) -> None:
        self._model = description.model
        self._sampling = request.sampling
        self._vocabulary = vocabulary
        self._ids = list(request.ids)
        self._written = 0
        self._capacity = min(self._model.description.context, len(request.ids) + limit)
        every = numbers(request.sampling, limit)
        self._guesses = description.coupled or request.sampling.temperature == 0
        self._numbers = every.choose if self._guesses else every.draft
        self._tape: Tape | None = None
        self._drafted: list[int] = []

    def propose(self, count: int) -> Draft:
        """See `Drafter.propose`."""
        count = min(count, self._capacity - len(self._ids) + 1)  # the last is not read
        if count < 1:
            return Draft((), None)
        if self._tape is None:
            self._tape = Tape(self._model, self._ids, self._capacity)
            logits = self._tape.logits
        else:
            self._tape.mark()
            logits = self._tape.read(self._ids[self._tape.length :])[-1:]
        self._tape.mark()
        spoken = None
        if self._sampling.penalises:
            start = len(self._ids) - self._written
            texts = [self._ids[:start]], [self._ids[start:]]
            spoken = Spoken(texts[0], self._vocabulary, device_of(self._model), texts[1])
        chances = []
        while True:
            shaped = filtered(logits[:, : self._vocabulary], self._sampling, spoken)
            if not self._guesses:
                chances.append(shaped.double().softmax(-1))
            self._drafted.append(self._chosen(shaped))
            if len(self._drafted) == count:
                break
            if spoken is not None:
                spoken.take(torch.tensor(self._drafted[-1:], device=logits.device))
            logits = self._tape.read(self._drafted[-1:])
        return Draft(tuple(self._drafted), None if self._guesses else torch.cat(chances))

    def _chosen(self, logits: Tensor) -> int:
        if self._sampling.temperature == 0:
            return int(logits.argmax(-1))
        place = self._written + len(self._drafted)
        return int(draw(logits, self._numbers[place : place + 1]))

    def take(self, ids: Sequence[int]) -> None:
        """See `Drafter.take`."""
        if self._tape is not None and self._drafted:
            held = self._drafted[: self._tape.length - len(self._ids)]
            pairs = zip(held, ids, strict=False)
            agreed = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(held), len(ids)))
            self._tape.back(len(self._ids) + agreed)
        self._drafted = []
        self._ids += ids
        self._written += len(ids)
