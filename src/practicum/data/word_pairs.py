"""Words and texts on which to look inside a language model of English.

Pairs of words that differ in one respect, for directions between word vectors; analogies; one word
in several contexts; texts to be read and texts to be gone on from. Which of the words a vocabulary
has as one token is for the user to find out.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

Pair = tuple[str, str]


class Analogy(NamedTuple):
    """a is to b as c is to d."""

    a: str
    b: str
    c: str
    d: str


@dataclass(frozen=True, kw_only=True)
class WordPairs:
    """The lists; pairs are (singular, plural) and (of men, of women)."""

    plurals: tuple[Pair, ...]
    genders: tuple[Pair, ...]
    numbers: tuple[str, ...]  # one … nine, in their order
    analogies: tuple[Analogy, ...]
    contexts: tuple[str, ...]  # which all end in the same word
    texts: tuple[str, ...]
    prompts: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Every single word of the lists."""
        pairs = [word for pair in (*self.plurals, *self.genders) for word in pair]
        return [*pairs, *self.numbers, *(word for analogy in self.analogies for word in analogy)]


@cache
def word_pairs() -> WordPairs:
    """All that there are."""
    lists = tomllib.loads(Path(__file__).with_name("word_pairs.toml").read_text(encoding="utf-8"))
    return WordPairs(
        plurals=tuple((noun, f"{noun}s") for noun in lists["nouns"].split()),
        genders=tuple(_two(pair) for pair in lists["genders"].split()),
        numbers=tuple(lists["numbers"].split()),
        analogies=tuple(_analogy(four) for four in lists["analogies"].split()),
        contexts=tuple(lists["contexts"]),
        texts=tuple(lists["texts"]),
        prompts=tuple(lists["prompts"]),
    )


def _two(pair: str) -> Pair:
    first, second = pair.split("-")
    return first, second


def _analogy(four: str) -> Analogy:
    left, right = four.split(":")
    return Analogy(*_two(left), *_two(right))
