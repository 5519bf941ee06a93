"""A language model as evaluation sees it: two verbs, and nothing of its inside.

`LanguageModel` implements it on a model in memory; an engine or a server can stand in its place, so
whatever is measured through it is measured on each of them. Neither the order nor the company of
what is asked matters.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from practicum.decoding.generate import Completion
from practicum.decoding.language_model import Prompt
from practicum.decoding.likelihood import Likelihood
from practicum.decoding.sampling import Sampling


class Scorer(Protocol):
    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """log P(continuation | context) of each pair, in nats; texts of any length."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """One completion for each prompt, as they finish; `index` says whose."""
        ...


def texts(scorer: Scorer, prompts: Sequence[Prompt], sampling: Sampling) -> list[str]:
    """What the model says to each prompt, in the order of the prompts."""
    answers = [""] * len(prompts)
    for completion in scorer.generate(prompts, sampling):
        answers[completion.index] = completion.text
    return answers
