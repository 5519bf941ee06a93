"""Batched generation: prompts of different length are read at once, then every row steps.

Rows that are finished leave the batch. What a row says depends on its prompt and its `Sampling`
alone: neither the company nor the order of the prompts matters (up to the rounding of matrix
products of different size). Sets of prompts larger than a batch are read in batches of similar
length; shared batches across arriving requests are the business of an engine, not of this file.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from practicum.decoding.chooser import Choice, Chooser
from practicum.decoding.model import CausalModel, Reach, batches, device_of, prefill, step
from practicum.decoding.sampling import Sampling
from practicum.decoding.stops import StopStrings
from practicum.errors import ModelError
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Request:
    """A prompt in ids, and how to go on from it. `index` is what its `Completion` will carry."""

    index: int
    ids: tuple[int, ...]
    sampling: Sampling


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """The next text of one completion: whole characters, and never a part of a stop string."""

    index: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Completion:
    """One finished text. All its chunks, joined, are `text`."""

    index: int
    text: str  # without end token and stop string
    ids: tuple[int, ...]  # every token drawn, the end token included: stopping was a choice too
    logprobs: tuple[float, ...] | None  # one per id, where asked for
    top_logprobs: tuple[tuple[tuple[int, float], ...], ...] | None  # per id: (token, log P)s
    finish: Literal["stop", "end", "length"]  # stop string, end token, tokens or context used up


class Writing:
    """One row while it is written."""

    def __init__(
        self, request: Request, tokenizer: Tokenizer, ends: Collection[int], context: int
    ) -> None:
        room = context - len(request.ids) + 1  # the last token need not be read
        self.request = request
        self.limit = min(request.sampling.max_tokens, room)
        self.finish: Literal["stop", "end", "length"] | None = None
        self._ends = ends
        self._decoder = stream_decoder(tokenizer)
        self._stops = StopStrings(request.sampling.stop)
        self._choices: list[Choice] = []
        self._text: list[str] = []

    def take(self, choice: Choice) -> str:
        """Append a token; returns the text that can be shown now, and may set `finish`."""
        self._choices.append(choice)
        text = ""
        if choice.id in self._ends:
            self.finish = "end"
        else:
            text = self._stops.push(self._decoder.push(choice.id))
            if not self._stops.hit and len(self._choices) == self.limit:
                self.finish = "length"
        if self.finish is not None:
            text += self._stops.push(self._decoder.finish())
            text += self._stops.finish()
        if self._stops.hit:
            self.finish = "stop"
        self._text.append(text)
        return text

    def completion(self) -> Completion:
        """What was written. Only after `finish` is set."""
        assert self.finish is not None, "the row is still being written"
        top = self.request.sampling.logprobs
        logprobs = [c.logprob for c in self._choices if c.logprob is not None]
        return Completion(
            index=self.request.index,
            text="".join(self._text),
            ids=tuple(choice.id for choice in self._choices),
            logprobs=None if top is None else tuple(logprobs),
            top_logprobs=tuple(choice.top for choice in self._choices) if top else None,
            finish=self.finish,
        )


def write(
    model: CausalModel,
    tokenizer: Tokenizer,
    requests: Sequence[Request],
    *,
    ends: Collection[int],
    reach: Reach,
) -> Iterator[Chunk | Completion]:
    """Chunks as they come and each completion when it is finished, `reach.rows` at a time.

    A completion that reaches the model's context ends there with finish "length".

    Raises ModelError before anything is read when a prompt is empty or longer than the context.
    """
    context = model.description.context
    for request in requests:
        check_fits(len(request.ids), context)
    for batch in batches(requests, lambda request: len(request.ids), reach):
        writings = [Writing(request, tokenizer, ends, context) for request in batch]
        yield from _write_batch(model, writings, tokenizer.size)


def check_fits(tokens: int, context: int) -> None:
    """Raises ModelError where a prompt of `tokens` cannot be continued in a `context`."""
    if tokens == 0:
        raise ModelError(
            "the prompt is empty and the tokenizer has no begin or end token to start from; "
            "give a prompt of at least one character"
        )
    if tokens > context:
        raise ModelError(
            f"the prompt has {tokens} tokens and the model's context is {context}; shorten the "
            f"prompt by {tokens - context} tokens or use a model with a longer context"
        )


def _write_batch(
    model: CausalModel, rows: list[Writing], vocabulary: int
) -> Iterator[Chunk | Completion]:
    prompts = [row.request.ids for row in rows]
    capacity = max(len(row.request.ids) + row.limit - 1 for row in rows)
    logits, state = prefill(model, prompts, capacity)
    samplings = [row.request.sampling for row in rows]
    chooser = Chooser(samplings, prompts, vocabulary, device_of(model))
    while True:
        # a vocabulary padded to a round number has scores that stand for no token
        ids, choices = chooser.choose(logits[:, :vocabulary])
        kept = []
        for place, (row, choice) in enumerate(zip(rows, choices, strict=True)):
            text = row.take(choice)
            if text:
                yield Chunk(index=row.request.index, text=text)
            if row.finish is None:
                kept.append(place)
            else:
                yield row.completion()
        if not kept:
            return
        if len(kept) < len(rows):
            rows = [rows[place] for place in kept]
            state.select(kept)
            chooser.select(kept)
            ids = ids[kept]
        logits = step(model, ids, state)
