"""Likelihoods of continuations: which tokens are scored in which window, many windows at once.

A row of at most `context` tokens is one window. A longer one is read in windows of `context`
tokens that begin `stride` tokens apart: each scores the tokens that no window before it has scored,
so a token sees at least context − stride tokens before it (fewer only at the start of the text).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from practicum.decoding.model import (
    CausalModel,
    Reach,
    Score,
    Target,
    batches,
    log_probabilities,
)


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """log P of a continuation given its context, in nats; not normalised by any length."""

    total: float
    tokens: tuple[float, ...]  # of each scored token
    greedy: bool  # every token is the likeliest: greedy decoding would write the same


class Pair(NamedTuple):
    """A row of ids of which those from `start` (≥ 1) on are scored."""

    ids: tuple[int, ...]
    start: int


class Window(NamedTuple):
    """Part of a pair's row, of which the tokens from `start` (≥ 1) on are scored."""

    ids: tuple[int, ...]
    start: int
    pair: int  # whose
    at: int  # how many of the pair's scored tokens come before these


def windows(pair: Pair, index: int, context: int, stride: int) -> Iterator[Window]:
    """The windows that score every token of `pair` from its `start` on exactly once."""
    ids, scored = pair
    length = context + 1  # the last token is predicted, not read
    while scored < len(ids):
        # a window ends `stride` tokens further than what is scored, or with the text
        end = len(ids) if len(ids) <= length else min(len(ids), max(length, scored + stride))
        first = max(0, end - length)
        yield Window(ids[first:end], scored - first, index, scored - pair.start)
        scored = end


def likelihoods(model: CausalModel, pairs: Sequence[Pair], reach: Reach) -> list[Likelihood]:
    """The likelihood of each pair, in order; neither order nor company matters."""
    context = model.description.context
    stride = min(context, reach.stride or max(1, context // 2))
    every = [w for i, pair in enumerate(pairs) for w in windows(pair, i, context, stride)]
    scores: list[list[Score | None]] = [[None] * (len(p.ids) - p.start) for p in pairs]
    for batch in batches(_rows(every), lambda row: len(row.ids), reach):
        targets = [
            (window, place, Target(i, place - 1, window.ids[place]))
            for i, row in enumerate(batch)
            for window in row.windows
            for place in range(window.start, len(window.ids))
        ]
        rows = [row.ids for row in batch]
        found = log_probabilities(model, rows, [target for _, _, target in targets])
        for (window, place, _), score in zip(targets, found, strict=True):
            scores[window.pair][window.at + place - window.start] = score
    return [_likelihood(row) for row in scores]


class _Row(NamedTuple):
    """Ids that are read once for all windows that read them or a beginning of them."""

    ids: tuple[int, ...]
    windows: list[Window]


def _rows(every: Sequence[Window]) -> list[_Row]:
    """Windows that read the same (one-token candidates after one context) share a row."""
    rows: list[_Row] = []
    for window in sorted(every, key=lambda w: w.ids[:-1], reverse=True):
        read = window.ids[:-1]  # in this order a beginning comes after what it begins
        if rows and rows[-1].ids[: len(read)] == read:
            rows[-1].windows.append(window)
        else:
            rows.append(_Row(read, [window]))
    return rows


def _likelihood(scores: Sequence[Score | None]) -> Likelihood:
    assert None not in scores, "the windows cover every token"
    known = [score for score in scores if score is not None]
    logs = tuple(score.logprob for score in known)
    return Likelihood(total=math.fsum(logs), tokens=logs, greedy=all(s.likeliest for s in known))
