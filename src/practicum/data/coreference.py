"""Sentences with a pronoun whose referent is known: what "it" is depends on the adjective alone.

    the A did not cross the B because it was too ADJ

Half of the adjectives say something of whoever crosses (tired), so that "it" is A; the others of
what is crossed (wide), so that "it" is B. Every noun occurs in both places, so which one is meant
is in the order of the words. The example is that of Vaswani's announcement of the Transformer
(2017). A fifth of the pairs of nouns, in either order, is held out: what is asked there was never
seen with its answer.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from typing import Literal, NamedTuple

import numpy as np

from practicum.data.documents import hash_number

Side = Literal["train", "held_out"]
HELD_OUT = 0.2  # of the pairs of nouns

NOUNS = (
    "animal",
    "street",
    "robot",
    "river",
    "truck",
    "bridge",
    "child",
    "desert",
    "horse",
    "valley",
    "boat",
    "tunnel",
)
OF_THE_FIRST = ("tired", "old", "slow", "scared", "lazy", "weak")
OF_THE_SECOND = ("wide", "deep", "muddy", "busy", "steep", "long")
FILLERS = ("the", "did", "not", "cross", "because", "it", "was", "too")
WORDS = (*FILLERS, *NOUNS, *OF_THE_FIRST, *OF_THE_SECOND)
IDS = {word: number for number, word in enumerate(WORDS)}

# places in a sentence
FIRST, SECOND, PRONOUN, ADJECTIVE = 1, 6, 8, 11
LENGTH = 12
REST = tuple(set(range(LENGTH)) - {FIRST, SECOND, PRONOUN, ADJECTIVE})


class Crossing(NamedTuple):
    """One sentence, by its words."""

    first: str
    second: str
    adjective: str

    @property
    def referent(self) -> str:
        """What "it" is."""
        return self.first if self.adjective in OF_THE_FIRST else self.second

    @property
    def words(self) -> tuple[str, ...]:
        start = ("the", self.first, "did", "not", "cross", "the", self.second)
        return (*start, "because", "it", "was", "too", self.adjective)

    @property
    def held_out(self) -> bool:
        """Whether this pair of nouns is, in either order."""
        return frozenset((self.first, self.second)) in _held_out_pairs()


class Placed(NamedTuple):
    """A row of ids, and what is asked at one place of it."""

    ids: tuple[int, ...]
    place: int
    answer: int


@dataclass(frozen=True, kw_only=True)
class Coreference:
    """Fresh sentences of one side; the answer at "it" is the number of its noun."""

    side: Side = "train"

    def draw(self, count: int, rng: np.random.Generator) -> list[Placed]:
        """`count` sentences, any of the side equally likely."""
        every = crossings(self.side)
        return [asked(every[place]) for place in rng.integers(len(every), size=count)]


@cache
def crossings(side: Side) -> tuple[Crossing, ...]:
    """All sentences of one side."""
    every = (
        Crossing(first, second, adjective)
        for first, second in permutations(NOUNS, 2)
        for adjective in (*OF_THE_FIRST, *OF_THE_SECOND)
    )
    return tuple(one for one in every if one.held_out == (side == "held_out"))


def asked(sentence: Crossing) -> Placed:
    """The sentence in ids, and the number of the noun that "it" is."""
    ids = tuple(IDS[word] for word in sentence.words)
    return Placed(ids, PRONOUN, NOUNS.index(sentence.referent))


@cache
def _held_out_pairs() -> frozenset[frozenset[str]]:
    """The fifth whose names have the smallest hashes."""
    pairs = sorted(combinations(NOUNS, 2), key=lambda pair: hash_number(" ".join(pair).encode()))
    return frozenset(frozenset(pair) for pair in pairs[: round(HELD_OUT * len(pairs))])
