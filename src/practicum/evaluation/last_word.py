"""Predicting the last word of a passage (LAMBADA, Paperno et al. 2016).

The word counts as predicted when every one of its tokens is, not its first alone. With words that
cannot stand last (stop words; Radford et al. 2019, §3.3) the prediction is searched: words that the
model writes itself are compared by their likelihood after those words are struck out.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from practicum.decoding.sampling import Sampling
from practicum.errors import DataError
from practicum.evaluation.scorer import Scorer

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
PROPOSE = Sampling(temperature=1.0, top_k=40, max_tokens=12)


@dataclass(frozen=True, kw_only=True)
class LastWord:
    """Accuracy in [0, 1], and exp(−mean log P(word | passage)): perplexity per word."""

    accuracy: float
    perplexity: float
    correct: tuple[bool, ...]


def last_word(
    scorer: Scorer,
    passages: Sequence[str],
    *,
    impossible: Collection[str] = (),
    proposals: int = 16,
) -> LastWord:
    """How well the last word of each passage is predicted.

    `impossible`, in lower case, are words never to be predicted; then up to `proposals` words that
    the model writes after each passage, greedily and by sampling with fixed seeds, compete.
    """
    if not passages:
        raise DataError("there is no passage whose last word could be predicted")
    pairs = [split_last_word(passage) for passage in passages]
    likelihoods = scorer.loglikelihood(pairs)
    if impossible:
        contexts = [context for context, _ in pairs]
        written = predict(scorer, contexts, impossible=impossible, proposals=proposals)
        correct = [word == goal.strip() for word, (_, goal) in zip(written, pairs, strict=True)]
    else:
        correct = [likelihood.greedy for likelihood in likelihoods]
    mean = math.fsum(likelihood.total for likelihood in likelihoods) / len(passages)
    return LastWord(
        accuracy=sum(correct) / len(correct), perplexity=math.exp(-mean), correct=tuple(correct)
    )


def split_last_word(passage: str) -> tuple[str, str]:
    """(everything before the last word, the last word with the white space before it)."""
    passage = passage.rstrip()
    context = re.sub(r"\s*\S+$", "", passage)
    if not context:
        raise DataError(f"'{passage[:40]}' has no word before its last; give whole passages")
    return context, passage[len(context) :]


def predict(
    scorer: Scorer, contexts: Sequence[str], *, impossible: Collection[str], proposals: int
) -> list[str]:
    """The likeliest word after each context among those proposed; empty where none is possible."""
    proposed = _propose(scorer, contexts, proposals)
    pairs = [
        (i, word)
        for i, words in enumerate(proposed)
        for word in sorted(words)
        if word.lower() not in impossible
    ]
    found = scorer.loglikelihood([(contexts[i], f" {word}") for i, word in pairs])
    best = [("", -math.inf)] * len(contexts)
    for (i, word), likelihood in zip(pairs, found, strict=True):
        if likelihood.total > best[i][1]:
            best[i] = (word, likelihood.total)
    return [word for word, _ in best]


def _propose(scorer: Scorer, contexts: Sequence[str], proposals: int) -> list[set[str]]:
    words: list[set[str]] = [set() for _ in contexts]
    for seed in range(proposals):
        sampling = replace(PROPOSE, seed=seed, temperature=0.0 if seed == 0 else 1.0)
        for completion in scorer.generate(list(contexts), sampling):
            if word := _WORD.search(completion.text):
                words[completion.index].add(word.group())
    return words
