import math
from collections.abc import Callable, Iterator

import pytest
import torch

from practicum.decoding.generate import Completion
from practicum.decoding.likelihood import Likelihood
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

PROSE = "It was the best of times, it was the worst of times, it was the age of wisdom. "


class Told:
    """A scorer that answers by two given functions and remembers what it was asked."""

    def __init__(
        self,
        total: Callable[[str, str], float] = lambda context, continuation: 0.0,
        answer: Callable[[str, object], str] = lambda prompt, sampling: "",
    ) -> None:
        self._total, self._answer = total, answer
        self.pairs: list[tuple[str, str]] = []
        self.prompts: list[str] = []
        self.samplings: list[object] = []

    def loglikelihood(self, pairs) -> list[Likelihood]:
        self.pairs += pairs
        totals = [self._total(*pair) for pair in pairs]
        return [Likelihood(total=t, tokens=(t,), greedy=t == 0.0) for t in totals]

    def generate(self, prompts, sampling) -> Iterator[Completion]:
        self.prompts += prompts
        self.samplings.append(sampling)
        for index in reversed(range(len(prompts))):  # as they finish: any order
            yield Completion(
                index=index,
                text=self._answer(prompts[index], sampling),
                ids=(),
                logprobs=None,
                top_logprobs=None,
                finish="end",
            )


@pytest.fixture(scope="session")
def told():
    return Told


@pytest.fixture(scope="session", params=["bytes", "bpe"])
def uniform_tokenizer(request):
    return ByteTokenizer() if request.param == "bytes" else train_bpe([PROSE * 3], vocab=280)


@pytest.fixture(scope="session")
def uniform(uniform_tokenizer):
    """A model for which every token is equally likely, and its nats per token."""
    size = uniform_tokenizer.size
    model = build(gpt2(width=8, depth=1, heads=1, vocab=size, context=24))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model, math.log(size)
