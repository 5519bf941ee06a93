"""A model behind a server with OpenAI's routes, asked as a model in this process is.

What any such server offers: texts that follow (`completions`), answers in a conversation
(`chat/completions`), and, of those that `echo`, what a text was worth. Of tokens only their texts
are known here, so ids in a `Completion` are this file's own, and there are no `top_logprobs`.
"""

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.sampling import Sampling, for_each
from practicum.decoding.stops import StopStrings
from practicum.errors import ConfigError, ModelError
from practicum.serving.openai_requests import MOST_STOPS
from practicum.serving.remote import Answer, Asked, Remote
from practicum.serving.told_tokens import Told, told_tokens

ODD = (KeyError, IndexError, TypeError, ValueError, AttributeError)  # of JSON in another shape
USUAL = Sampling()
SHAPING = ("top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty")


class Pieces:
    """Numbers for pieces of text, in place of ids that nobody tells."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """The same text, the same number."""
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of which these are pieces."""
        return "".join(self._texts[id] for id in ids)


@dataclass(frozen=True)
class Endpoint:
    """Implements the scorer that evaluation asks for, on a server."""

    remote: Remote
    model: str
    pieces: Pieces = field(default_factory=Pieces, repr=False, compare=False)

    @classmethod
    def at(cls, url: str, *, model: str | None = None, key: str | None = None) -> "Endpoint":
        """The `model` at `url`, or the only one there.

        Raises ConfigError where there are several or none, and as `Remote.ask`.
        """
        remote = Remote(url=url.rstrip("/"), key=key)
        if model is not None:
            return cls(remote, model)
        names = remote.models()
        if len(names) != 1:
            some = ", ".join(names[:8]) or "none"
            raise ConfigError(f"{remote.url} has {len(names)} models ({some}); name one")
        return cls(remote, names[0])

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Generator[Completion, None, None]:
        """A `Completion` for each prompt as it finishes; `index` says whose it is.

        Of a text that ended by itself `finish` is "stop", as servers have it. Where the server
        tells what tokens were worth, `logprobs` are those of the tokens that begin within `text`,
        and `decode` of their ids is `text`; else there are none. Raises as `Remote.ask`.
        """
        samplings = for_each(sampling, len(prompts))
        asked = [self._asked(*one) for one in zip(prompts, samplings, strict=True)]
        with closing(self.remote.ask(asked)) as answers:
            for number, answer in answers:
                try:
                    completion = self._completion(number, answer, samplings[number])
                except ODD as problem:
                    raise self._odd(asked[number][0]) from problem
                yield completion

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a completion's ids."""
        return self.pieces.decode(ids)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """log P(continuation | context) of each pair, as `LanguageModel.loglikelihood` has it.

        By an `echo` of both with `max_tokens` 0. An empty context needs a tokenizer with a begin
        token, and a text has to fit the model's context. Raises ModelError where that is not so,
        where the server does not echo, and as `Remote.ask`.
        """
        echo = {"model": self.model, "max_tokens": 0, "echo": True, "logprobs": 1}
        asked = [
            ("completions", {**echo, "temperature": 0, "prompt": context + continuation})
            for context, continuation in pairs
        ]
        found: dict[int, Likelihood] = {}
        for number, answer in self.remote.ask(asked):
            try:
                found[number] = self._likelihood(*pairs[number], answer)
            except ODD as problem:
                raise self._odd("completions") from problem
        return [found[number] for number in range(len(pairs))]

    def _asked(self, prompt: Prompt, sampling: Sampling) -> Asked:
        body = {"model": self.model, **as_asked(sampling)}
        if not isinstance(prompt, str):
            told = {} if sampling.logprobs is None else {"logprobs": True}
            return "chat/completions", {**body, **told, "messages": prompt}
        if sampling.logprobs is not None:
            body["logprobs"] = max(1, sampling.logprobs)  # 0 means none to some
        return "completions", {**body, "prompt": prompt}

    def _completion(self, index: int, answer: Answer, sampling: Sampling) -> Completion:
        choice = answer["choices"][0]
        whole = choice["text"] if "text" in choice else choice["message"]["content"] or ""
        stops = StopStrings(sampling.stop)  # a server takes a few of them
        text = stops.push(whole) + stops.finish()
        told = None if sampling.logprobs is None else told_tokens(choice.get("logprobs"))
        if whole and not told:
            told = None
        first = told[0].start if told else 0  # some count from the prompt's beginning
        kept = [one for one in told or () if one.start - first < len(text)]
        starts = [one.start - first for one in kept]
        ids = [self.pieces.number(text[a:b]) for a, b in pairwise([*starts, len(text)])]
        return Completion(
            index=index,
            text=text,
            ids=tuple(ids),
            logprobs=None if told is None else tuple(map(_known, kept)),
            top_logprobs=None,
            finish="length" if choice["finish_reason"] == "length" and not stops.hit else "stop",
        )

    def _likelihood(self, context: str, continuation: str, answer: Answer) -> Likelihood:
        choice, text = answer["choices"][0], context + continuation
        told = told_tokens(choice.get("logprobs"))
        if not told or not choice["text"].startswith(text):
            raise ModelError(
                f"{self.remote.url} does not echo what a text was worth; ask a server that does, "
                "such as practicum serve or vLLM"
            )
        scored = after(context, text, told)
        logs = tuple(map(_known, scored))
        greedy = all(one.best is not None and _known(one) >= one.best for one in scored)
        return Likelihood(total=math.fsum(logs), tokens=logs, greedy=greedy)

    def _odd(self, route: str) -> ModelError:
        return ModelError(
            f"{self.remote.url}/{route} does not answer as OpenAI's; ask a server that does, such "
            "as practicum serve"
        )


def as_asked(sampling: Sampling) -> dict[str, Any]:
    """The fields of a request; what is as usual is left out, since not every server knows it."""
    body: dict[str, Any] = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    for name in SHAPING:
        if getattr(sampling, name) != getattr(USUAL, name):
            body[name] = getattr(sampling, name)
    if sampling.bias:
        body["logit_bias"] = {str(id): more for id, more in sampling.bias}
    if sampling.stop:
        body["stop"] = list(sampling.stop[:MOST_STOPS])
    return body


def after(context: str, text: str, told: Sequence[Told]) -> list[Told]:
    """The tokens of `text` from the one that holds the first character after `context` on.

    Raises ModelError where that is the first of all, which stands after nothing, and where the
    server's tokens do not stand where it says.
    """
    first, rest = told[0], told[1:]
    # a begin token is no part of the text, though some count its name as if it were
    begins = bool(rest) and first.clean and not text.startswith(first.text.strip())
    if begins:
        rest = [one._replace(start=one.start - told[1].start) for one in rest]
    elif first.last >= len(context):
        raise ModelError(
            "nothing stands before the first token to be scored and the server puts no begin token "
            "there; give a context"
        )
    scored = [one for one in rest if one.last >= len(context)]
    for one in scored[:1]:
        if one.clean and one.text.strip() not in text[one.start :][: len(one.text)]:
            raise ModelError(
                f"the server says that '{one.text}' stands at character {one.start} of its echo, "
                "where it does not; ask another server"
            )
    return scored


def _known(one: Told) -> float:
    if one.logprob is None:
        raise ValueError(f"of '{one.text}' no log-probability is told")
    return one.logprob
