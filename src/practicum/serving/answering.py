"""From questions to what is heard of them, all at once, and what tokens belong to a text."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from practicum.decoding.chooser import Choice
from practicum.decoding.generate import Completion
from practicum.errors import ModelError
from practicum.serving.answerer import Answerer
from practicum.serving.question import Piece, Question
from practicum.serving.request_log import Record
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.tokenizer import Tokenizer


async def heard(
    worker: Answerer, questions: Sequence[Question], record: Record
) -> AsyncGenerator[tuple[int, Piece | Completion], None]:
    """What is said to each question, with its number, as it is said.

    The first error ends all; who stops listening has cancelled all. `record` counts the tokens.
    Raises Busy at once where not all of them may wait.
    """
    worker.refuse_if_full(len(questions) - 1)
    events: asyncio.Queue[tuple[int, Piece | Completion | Exception]] = asyncio.Queue()

    async def listen(number: int, question: Question) -> None:
        try:
            async for event in worker.answer(question):
                events.put_nowait((number, event))
        except Exception as problem:
            events.put_nowait((number, problem))

    tasks = [asyncio.create_task(listen(*numbered)) for numbered in enumerate(questions)]
    first = {question.ids: number for number, question in reversed([*enumerate(questions)])}
    unheard = set(first.values())  # of each prompt the first answer says what was read before
    try:
        left = len(tasks)
        while left:
            number, event = await events.get()
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Piece):
                record.said(len(event.choices))
                if number in unheard:
                    unheard.remove(number)
                    record.cached_tokens += event.shared
            else:
                left -= 1
            yield number, event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def whole(
    worker: Answerer, questions: Sequence[Question], record: Record
) -> list[Completion]:
    """The completion of each question, in their order."""
    async with aclosing(heard(worker, questions, record)) as events:
        found = {number: event async for number, event in events if isinstance(event, Completion)}
    return [found[number] for number in range(len(questions))]


class TokensOfText:
    """Which tokens a text is made of: those that begin within it.

    So neither the token that ended it belongs to it, nor those of a stop string that was cut off.
    Each comes with the character that it begins in. With `every` all tokens belong to it.
    """

    def __init__(self, tokenizer: Tokenizer, ends: frozenset[int], *, every: bool = False) -> None:
        self._decoder = stream_decoder(tokenizer)
        self._ends, self._every = ends, every
        self._waiting: list[tuple[Choice, int]] = []
        self._read = 0  # characters that all tokens so far have made
        self._shown = 0  # characters of the text so far

    def push(self, text: str, choices: Sequence[Choice]) -> list[tuple[Choice, int]]:
        """The tokens of what has been shown of the text, now that `text` came to it."""
        for choice in choices:
            ends = choice.id in self._ends
            if self._every or not ends:
                self._waiting.append((choice, self._read))
            if not ends:
                self._read += len(self._decoder.push(choice.id))
        self._shown += len(text)
        shown = [pair for pair in self._waiting if self._every or pair[1] < self._shown]
        del self._waiting[: len(shown)]
        return shown


def choices_of(completion: Completion) -> list[Choice]:
    """The tokens of a completion whose log-probabilities were asked for."""
    if completion.logprobs is None:
        raise ModelError("log-probabilities were not asked for")
    tops = completion.top_logprobs or ((),) * len(completion.ids)
    return [
        Choice(id, logprob, top)
        for id, logprob, top in zip(completion.ids, completion.logprobs, tops, strict=True)
    ]
