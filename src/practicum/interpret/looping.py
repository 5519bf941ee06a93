"""Whether a model goes round in circles: the same prompts gone on from greedily and by drawing.

Always taking the likeliest word can loop; drawing among the 40 likeliest is a middle ground
(Alammar 2019). The two are compared prompt by prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from practicum.decoding.generate import Completion, Request, write
from practicum.decoding.model import Reach
from practicum.decoding.sampling import Sampling
from practicum.evaluation.repetition import repeated_share
from practicum.lab.intervals import bootstrap_interval
from practicum.models.decoder import DecoderModel
from practicum.seeding import derive
from practicum.tokenizers.tokenizer import Tokenizer

GREEDY, AMONG_40, AMONG_1 = (
    Sampling(temperature=0.0, logprobs=0),
    Sampling(top_k=40, logprobs=0),
    Sampling(top_k=1, logprobs=0),
)


@dataclass(frozen=True, kw_only=True)
class Loops:
    """Shares of repeated 4-grams and mean log-probabilities (nats per token), over the prompts."""

    greedy: float
    drawn: float
    least: float  # the lower end of the 95 % bootstrap interval of the mean difference
    greedy_logprob: float
    drawn_logprob: float
    differing: int  # prompts on which drawing among one word is not the greedy answer

    @property
    def more(self) -> float:
        """How much more greedy answers repeat themselves."""
        return self.greedy - self.drawn


def loops(
    model: DecoderModel, tokenizer: Tokenizer, prompts: Sequence[str], *, tokens: int, seed: int
) -> Loops:
    """Every prompt gone on from for exactly `tokens` tokens: no end token stops an answer.

    Drawing among one word is compared over the first quarter of them.
    """
    kinds = ((GREEDY, tokens), (AMONG_40, tokens), (AMONG_1, max(1, tokens // 4)))
    requests = [
        Request(
            index=number,
            ids=tuple(tokenizer.encode(prompts[number % len(prompts)])),
            sampling=replace(
                kinds[number // len(prompts)][0],
                max_tokens=kinds[number // len(prompts)][1],
                seed=derive(seed, "draw", number),
            ),
        )
        for number in range(len(kinds) * len(prompts))
    ]
    found = [
        piece
        for piece in write(model, tokenizer, requests, ends=(), reach=Reach(rows=len(requests)))
        if isinstance(piece, Completion)
    ]
    found.sort(key=lambda completion: completion.index)
    count = len(prompts)
    greedy, drawn, single = (found[start : start + count] for start in (0, count, 2 * count))
    shares = [[repeated_share(one.ids) for one in kind] for kind in (greedy, drawn)]
    differences = [a - b for a, b in zip(*shares, strict=True)]
    rng = np.random.default_rng(derive(seed, "bootstrap"))
    interval = bootstrap_interval(differences, generator=rng)
    return Loops(
        greedy=fmean(shares[0]),
        drawn=fmean(shares[1]),
        least=interval[0] if interval else min(differences),
        greedy_logprob=_mean_logprob(greedy),
        drawn_logprob=_mean_logprob(drawn),
        differing=sum(a.ids[: len(b.ids)] != b.ids for a, b in zip(greedy, single, strict=True)),
    )


def _mean_logprob(completions: Sequence[Completion]) -> float:
    return fmean(value for one in completions for value in one.logprobs or ())
