"""Adjectives beside nouns, and one question: which adjective did this noun have?

    f1 blue creature f3 f2 fluffy house f2 old tower f1 f4 ? creature    →    blue

Three pairs "adjective noun" stand in a text of fourteen words at random distances, with fillers
around them; no noun and no adjective occurs twice. Then a noun of the three is asked for. Guessing
among the adjectives of the text is right in a third of the cases. After 3Blue1Brown's imagined
example of attention ("a fluffy blue creature", deep learning chapter 6).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PAIRS, GAPS = 3, 6
NOUNS, ADJECTIVES, FILLERS = 6, 12, 4
FIRST_ADJECTIVE, FIRST_FILLER = NOUNS, NOUNS + ADJECTIVES  # ids: nouns, adjectives, fillers, "?"
QUESTION = NOUNS + ADJECTIVES + FILLERS
VOCAB = QUESTION + 1
LENGTH = 2 * PAIRS + GAPS + 2


class Described(NamedTuple):
    """A text with its question at the last place; the answer is a word of it."""

    ids: tuple[int, ...]
    place: int
    answer: int


@dataclass(frozen=True, kw_only=True)
class AdjectivesOfNouns:
    """Fresh texts without end."""

    def draw(self, count: int, rng: np.random.Generator) -> list[Described]:
        """`count` texts, each with its question."""
        nouns = rng.random((count, NOUNS)).argsort(axis=1)[:, :PAIRS]
        adjectives = FIRST_ADJECTIVE + rng.random((count, ADJECTIVES)).argsort(axis=1)[:, :PAIRS]
        fillers = FIRST_FILLER + rng.integers(FILLERS, size=(count, GAPS))
        # each pair or filler is one thing in a row of things; which of them are pairs is drawn
        paired = rng.random((count, PAIRS + GAPS)).argsort(axis=1)[:, :PAIRS]
        chosen = rng.integers(PAIRS, size=count)
        drawn = (nouns, adjectives, fillers, paired, chosen)
        return [_text(*one) for one in zip(*(array.tolist() for array in drawn), strict=True)]


def is_noun(word: int) -> bool:
    """Whether this id is a noun's."""
    return word < NOUNS


def _text(
    nouns: list[int], adjectives: list[int], fillers: list[int], paired: list[int], chosen: int
) -> Described:
    ids: list[int] = []
    pairs, rest = iter(zip(adjectives, nouns, strict=True)), iter(fillers)
    for thing in range(PAIRS + GAPS):
        ids += next(pairs) if thing in paired else (next(rest),)
    return Described((*ids, QUESTION, nouns[chosen]), LENGTH - 1, adjectives[chosen])
