"""`echo` together with `logprobs`: what the tokens of a prompt were worth, in OpenAI's shape."""

import asyncio
from collections.abc import Sequence
from itertools import accumulate

from practicum.decoding.chooser import Choice
from practicum.errors import Busy, GivenUp
from practicum.serving.answerer import Answerer
from practicum.serving.openai_answers import TokenLogprobs
from practicum.serving.token_texts import readable, top_of, worth
from practicum.tokenizers.streaming import stream_decoder
from practicum.tokenizers.tokenizer import Tokenizer


class Scores:
    """Scores of prompts, a few at a time; as many requests may wait as questions of the engine."""

    def __init__(self, worker: Answerer, seconds: float | None) -> None:
        self._worker, self._seconds = worker, seconds
        replicas = worker.ready
        self._turn = asyncio.Semaphore(1 if replicas is None else replicas[1])
        self._waiting = 0

    async def of(self, prompts: Sequence[tuple[int, ...]], top: int) -> list[list[Choice]]:
        """For each prompt its tokens but the first. Raises Busy, GivenUp, and ModelError."""
        if self._waiting >= self._worker.settings.waiting:
            raise Busy(self._waiting, float(self._waiting))
        self._waiting += 1
        tasks = [asyncio.create_task(self._one(ids, top)) for ids in dict.fromkeys(prompts)]
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.gather(*tasks)
        except TimeoutError:
            raise GivenUp(
                f"the prompts were not scored in {self._seconds:g} seconds; send fewer"
            ) from None
        finally:
            self._waiting -= 1
            for task in tasks:
                task.cancel()
        known = dict(zip(dict.fromkeys(prompts), found, strict=True))
        return [known[ids] for ids in prompts]

    async def _one(self, ids: tuple[int, ...], top: int) -> list[Choice]:
        async with self._turn:
            return await self._worker.score(ids, top)


def prompt_logprobs(
    tokenizer: Tokenizer, prompt: str | Sequence[int], ids: Sequence[int], scores: Sequence[Choice]
) -> TokenLogprobs:
    """Of the `ids` that `prompt` became; the first stands after nothing, and has no number."""
    return TokenLogprobs(
        tokens=[readable(tokenizer, id) for id in ids],
        token_logprobs=[None, *(worth(choice.logprob) for choice in scores)],
        top_logprobs=[None, *(top_of(tokenizer, choice) for choice in scores)],
        text_offset=_offsets(tokenizer, prompt, ids),
    )


def echo_of(tokenizer: Tokenizer, prompt: str | Sequence[int]) -> str:
    """The text of a prompt."""
    return prompt if isinstance(prompt, str) else tokenizer.decode(prompt)


def _offsets(tokenizer: Tokenizer, prompt: str | Sequence[int], ids: Sequence[int]) -> list[int]:
    """The character of the prompt's text that each token begins in."""
    if isinstance(prompt, str):
        _, spans = tokenizer.encode_with_offsets(prompt)
        begun = accumulate((byte & 0xC0 != 0x80 for byte in prompt.encode()), initial=0)
        characters = list(begun)[1:]  # whose n-th is the number of those begun by byte n
        places = [characters[start] - 1 if start < stop else -1 for start, stop in spans]
        nearest = list(accumulate(places, max, initial=0))[1:]  # of a token without bytes
        return [0] * (len(ids) - len(spans)) + nearest
    decoder = stream_decoder(tokenizer)
    ends = list(accumulate((len(decoder.push(id)) for id in ids), initial=0))
    # some tokenizers take the first space off
    taken = max(0, ends[-1] - len(echo_of(tokenizer, prompt)))
    return [max(0, place - taken) for place in ends[:-1]]
