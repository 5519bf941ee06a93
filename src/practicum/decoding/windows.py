"""Texts beyond a model's context, cut into windows that score every token once.

A row of at most `context` tokens is one window. A longer one is read in windows of `context`
tokens, each `stride` further than the one before: a window scores the tokens that none before it
has, so a token sees at least context − stride tokens before it (fewer only at the text's start).
"""

from collections.abc import Iterator
from typing import NamedTuple


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
