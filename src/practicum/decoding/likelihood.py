"""Likelihoods of continuations, many at once, each token read no more often than it must be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from practicum.decoding.model import (
    CausalModel,
    Reach,
    Score,
    Target,
    batches,
    log_probabilities,
)
from practicum.decoding.sharing import Family, Row, families, rows_of
from practicum.decoding.windows import Pair, windows


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """log P of a continuation given its context, in nats; not normalised by any length."""

    total: float
    tokens: tuple[float, ...]  # of each scored token
    greedy: bool  # every token is the likeliest: greedy decoding would write the same


def likelihoods(model: CausalModel, pairs: Sequence[Pair], reach: Reach) -> list[Likelihood]:
    """The likelihood of each pair, in order; neither order nor company matters."""
    context = model.description.context
    stride = min(context, reach.stride or max(1, context // 2))
    every = [w for i, pair in enumerate(pairs) for w in windows(pair, i, context, stride)]
    scores: list[list[Score | None]] = [[None] * (len(p.ids) - p.start) for p in pairs]
    alone: list[Row] = []
    for family in families(rows_of(every), reach):
        if family.shared:
            _score(model, family, scores)
        else:
            alone += family.rows
    for batch in batches(alone, lambda row: len(row.ids), reach):
        _score(model, Family(batch, 0), scores)
    return [_likelihood(row) for row in scores]


def _score(model: CausalModel, family: Family, scores: list[list[Score | None]]) -> None:
    """Read one batch and write what was found where it belongs."""
    targets = [
        (window, place, Target(i, place - 1, window.ids[place]))
        for i, row in enumerate(family.rows)
        for window in row.windows
        for place in range(window.start, len(window.ids))
    ]
    rows = [row.ids for row in family.rows]
    found = log_probabilities(model, rows, [target for _, _, target in targets], family.shared)
    for (window, place, _), score in zip(targets, found, strict=True):
        scores[window.pair][window.at + place - window.start] = score


def _likelihood(scores: Sequence[Score | None]) -> Likelihood:
    assert None not in scores, "the windows cover every token"
    known = [score for score in scores if score is not None]
    logs = tuple(score.logprob for score in known)
    return Likelihood(total=math.fsum(logs), tokens=logs, greedy=all(s.likeliest for s in known))
