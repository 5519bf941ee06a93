"""Majority of chains where they agree, else the answer at once (Gemini Team 2023, §5.1.1).

k chains of thought are sampled. If the majority's share of them is at least a threshold τ their
answer is taken, else the greedy answer *without* a chain; τ is chosen on a validation split. The
controls: routing as many questions by a coin; τ chosen where the shares have been dealt out anew,
so that they say nothing; and an oracle that always takes the way that is right, the upper bound.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Protocol

import numpy as np

from practicum.decoding.sampling import Sampling
from practicum.errors import DataError
from practicum.evaluation.scorer import Scorer, texts
from practicum.seeding import derive

Extract = Callable[[str], str | None]  # from what was said to an answer, in one spelling


class Asked(Protocol):
    """A question that can be asked for an answer at once and for a chain."""

    @property
    def at_once(self) -> str: ...
    @property
    def in_steps(self) -> str: ...
    @property
    def answer(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Votes:
    """The answers to one question; None: no answer was found in what was said."""

    direct: str | None  # greedy, at once
    chained: str | None  # greedy, after a chain
    sampled: tuple[str | None, ...]  # after sampled chains
    right: str
    share: float | None = None  # of the majority, where it is not to be counted

    @cached_property
    def majority(self) -> str | None:
        """The most frequent answer of the sampled chains; of equals the one said first."""
        counts = Counter(one for one in self.sampled if one is not None)
        return counts.most_common(1)[0][0] if counts else None

    @cached_property
    def confidence(self) -> float:
        """The majority's share of all chains, those without an answer included."""
        if self.share is not None:
            return self.share
        if self.majority is None:
            return 0.0
        return sum(one == self.majority for one in self.sampled) / len(self.sampled)

    def routed(self, threshold: float) -> str | None:
        """The majority's answer where its share is `threshold` or more, else the direct one."""
        sure = self.majority is not None and self.confidence >= threshold
        return self.majority if sure else self.direct


def ask(
    scorer: Scorer,
    questions: Sequence[Asked],
    sampling: Sampling,
    extract: Extract,
    *,
    chains: int,
) -> list[Votes]:
    """All answers to the questions: greedy ones, and `chains` sampled ones as `sampling` says."""
    greedy = replace(sampling, temperature=0.0)
    direct = texts(scorer, [question.at_once for question in questions], greedy)
    chained = texts(scorer, [question.in_steps for question in questions], greedy)
    prompts = [question.in_steps for question in questions for _ in range(chains)]
    each = [replace(sampling, seed=derive(sampling.seed, i)) for i in range(len(prompts))]
    sampled: list[str | None] = [None] * len(prompts)
    for completion in scorer.generate(prompts, each):
        sampled[completion.index] = extract(completion.text)
    return [
        Votes(
            direct=extract(direct[i]),
            chained=extract(chained[i]),
            sampled=tuple(sampled[i * chains : (i + 1) * chains]),
            right=question.answer,
        )
        for i, question in enumerate(questions)
    ]


def best_threshold(validation: Sequence[Votes]) -> float:
    """The τ under which most questions are answered rightly; of equals the lowest.

    Those tried are 0 (always the majority), every share that was seen, and 2 (never).
    """
    tried = sorted({0.0, 2.0, *(votes.confidence for votes in validation)})
    return max(tried, key=lambda threshold: (accuracy_at(validation, threshold), -threshold))


def accuracy_at(items: Sequence[Votes], threshold: float) -> float:
    """The share of the questions that routing at `threshold` answers rightly."""
    return fmean(votes.routed(threshold) == votes.right for votes in items)


def dealt_out(items: Sequence[Votes], *, generator: np.random.Generator) -> list[Votes]:
    """The same answers, with the shares of other questions."""
    order = generator.permutation(len(items))
    return [
        replace(votes, share=items[other].confidence)
        for votes, other in zip(items, order, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Procedures:
    """The share of right answers to the test questions by each way of answering."""

    direct: float
    chained: float
    majority: float
    routed: float
    coin: float  # what is expected of a coin that routes as many
    uninformed: float  # routed at a τ chosen on shares that were dealt out anew
    oracle: float
    threshold: float
    kept: float  # the share of the questions whose majority was taken
    auroc: float  # of the majority's share, as a sign that the majority is right
    low: float  # of the 90 % interval of routed − the better of direct and majority, paired
    high: float


def compare(
    validation: Sequence[Votes], test: Sequence[Votes], *, generator: np.random.Generator
) -> Procedures:
    """Choose τ on the validation questions and answer the test questions by every procedure.

    Raises DataError where a side has no question.
    """
    if not validation or not test:
        raise DataError("routing needs questions to choose a threshold on, and others to test it")
    threshold = best_threshold(validation)
    direct = np.array([votes.direct == votes.right for votes in test], float)
    majority = np.array([votes.majority == votes.right for votes in test], float)
    routed = np.array([votes.routed(threshold) == votes.right for votes in test], float)
    kept = fmean(votes.confidence >= threshold for votes in test)
    better = direct if direct.mean() > majority.mean() else majority
    drawn = generator.integers(len(test), size=(RESAMPLES, len(test)))
    low, high = np.quantile((routed - better)[drawn].mean(axis=1), (0.05, 0.95))
    return Procedures(
        direct=float(direct.mean()),
        chained=fmean(votes.chained == votes.right for votes in test),
        majority=float(majority.mean()),
        routed=float(routed.mean()),
        coin=float(kept * majority.mean() + (1 - kept) * direct.mean()),
        uninformed=accuracy_at(test, best_threshold(dealt_out(validation, generator=generator))),
        oracle=float(np.maximum(direct, majority).mean()),
        threshold=threshold,
        kept=kept,
        auroc=auroc([votes.confidence for votes in test], majority.astype(bool).tolist()),
        low=float(low),
        high=float(high),
    )


RESAMPLES = 1000


def auroc(scores: Sequence[float], true: Sequence[bool]) -> float:
    """The chance that a true one's score is above a false one's, ties counting half.

    One half where there are none of either.
    """
    yes = np.array([score for score, one in zip(scores, true, strict=True) if one])
    no = np.array([score for score, one in zip(scores, true, strict=True) if not one])
    if not len(yes) or not len(no):
        return 0.5
    above = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
    return float(above)
