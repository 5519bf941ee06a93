"""A procedural pair of languages: every sentence has one right translation and a known alignment.

A source sentence is clauses one after another, without marks between them:

    clause  =  phrase verb            (a verb that takes no object)
            |  phrase verb phrase     (a verb that takes one)
    phrase  =  article adjective* noun      (up to two adjectives)

Its translation says each word by one word, in another order:

    the lexicon     noun, adjective and verb each have one word, whatever stands around them
    (a) swap        in a phrase the noun comes before its adjectives
    (b) verb last   the verb moves to the end of its clause
    (c) agreement   an article has one word per gender; the noun that decides stands 1 to 3 later

So target word i says source word `alignment[i]`, both sides are equally long, and a translator has
to find the noun before it says the article and to wait with the verb. Words are ids; 0, 1 and 2 are
kept for padding, begin and end. A sentence is held out, or not, by its words alone (see
`practicum.data.documents`): what is measured on was never trained on, also among short sentences.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from practicum.data.documents import is_held_out
from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError
from practicum.seeding import derive

PAD, BEGIN, END = 0, 1, 2
FIRST = 3  # the first id of a word
ARTICLES, GENDERS, ADJECTIVES = 2, 2, 2  # the last: at most so many in a phrase
HELD_OUT = 0.1  # of all sentences
C = TypeVar("C")
Side = Literal["train", "held_out"]


class AlignedPair(NamedTuple):
    """A sentence, its translation, and which source place each target place says."""

    source: tuple[int, ...]
    target: tuple[int, ...]
    alignment: tuple[int, ...]

    @property
    def tokens(self) -> TokenPair:
        """The pair alone: what may be learned from."""
        return TokenPair(self.source, self.target)


@dataclass(frozen=True, kw_only=True)
class ToyTranslation:
    """Sentences of `shortest` to `longest` words over a lexicon of `words` source words.

    The language itself depends on `words` and `language` alone, so descriptions that differ in
    length, and draws of other seeds, speak of the same one.
    """

    words: int = 100
    shortest: int = 3
    longest: int = 24
    language: int = 0  # which of the many languages: what means what, and the genders

    def __post_init__(self) -> None:
        if self.words < 12:
            raise ConfigError(f"ToyTranslation.words is {self.words}; expected at least 12")
        if not 3 <= self.shortest <= self.longest:
            raise ConfigError(
                f"ToyTranslation has sentences of {self.shortest} to {self.longest} words; "
                "expected at least 3, the shortest clause, and no more than the longest"
            )

    @property
    def source_vocab(self) -> int:
        """Ids of the source language, the three special ones included."""
        return FIRST + self.words

    @property
    def target_vocab(self) -> int:
        """Ids of the target language: each article has a word per gender."""
        return FIRST + self.words + ARTICLES * (GENDERS - 1)

    @cached_property
    def nouns(self) -> range:
        """Half of the words that are no articles; before them come the articles."""
        start = FIRST + ARTICLES
        return range(start, start + (self.words - ARTICLES) // 2)

    @cached_property
    def adjectives(self) -> range:
        """A quarter."""
        return range(self.nouns.stop, self.nouns.stop + (self.words - ARTICLES) // 4)

    @cached_property
    def verbs(self) -> range:
        """The rest; the first half of them takes no object."""
        return range(self.adjectives.stop, FIRST + self.words)

    def takes_object(self, verb: int) -> bool:
        """Whether a phrase follows this verb."""
        return self.verbs.index(verb) >= len(self.verbs) // 2

    def gender(self, noun: int) -> int:
        """0 or 1; half of the nouns have each."""
        return int(self._genders[self.nouns.index(noun)])

    def translate(self, source: tuple[int, ...]) -> AlignedPair:
        """The one translation. Raises DataError for what is no sentence of the language."""
        order: list[int] = []
        articles: dict[int, int] = {}  # the noun that each article agrees with, by place
        start = 0
        while start < len(source):
            noun = self._noun(source, start)
            verb = noun + 1
            if verb >= len(source) or source[verb] not in self.verbs:
                raise DataError(f"no verb at word {verb} of {source}")
            phrases = [(start, noun)]
            if self.takes_object(source[verb]):
                phrases.append((verb + 1, self._noun(source, verb + 1)))
            for article, head in phrases:
                articles[article] = head
                order += [article, head, *range(article + 1, head)]
            order.append(verb)
            start = max(phrases[-1][1], verb) + 1
        target = [
            self._article(source[place], source[articles[place]])
            if place in articles
            else self._lexicon[source[place]]
            for place in order
        ]
        return AlignedPair(source, tuple(target), tuple(order))

    def pairs(self, count: int, *, side: Side, seed: int) -> list[AlignedPair]:
        """`count` pairs of one side, every length equally often in turn; a longer list goes on.

        Short sentences are few, so some occur twice; never on both sides.
        """
        drawn = self._sentences(np.random.default_rng(derive(seed, "toy translation", side)), side)
        return [self.translate(next(drawn)) for _ in range(count)]

    def text(self, pair: AlignedPair) -> tuple[str, str]:
        """Both sides for a person: n7 is a noun, and N7 what it is called in the other language.

        A capital stands for the target's word, so that one sees which words belong together.
        """
        return (
            " ".join(self._name(word) for word in pair.source),
            " ".join(
                self._name(pair.source[place]).upper()
                + ("fm"[self._form(word)] if pair.source[place] < self.nouns.start else "")
                for word, place in zip(pair.target, pair.alignment, strict=True)
            ),
        )

    @cached_property
    def _lexicon(self) -> dict[int, int]:
        """The target word of each noun, adjective and verb."""
        rng = np.random.default_rng(derive(self.language, "toy translation", "lexicon", self.words))
        first = FIRST + ARTICLES * GENDERS
        targets = first + rng.permutation(self.words - ARTICLES)
        return dict(zip(range(self.nouns.start, FIRST + self.words), targets.tolist(), strict=True))

    @cached_property
    def _genders(self) -> list[int]:
        rng = np.random.default_rng(derive(self.language, "toy translation", "genders", self.words))
        return rng.permutation(np.arange(len(self.nouns)) % GENDERS).tolist()

    def _article(self, article: int, noun: int) -> int:
        return FIRST + GENDERS * (article - FIRST) + self.gender(noun)

    def _form(self, target_article: int) -> int:
        return (target_article - FIRST) % GENDERS

    def _noun(self, source: tuple[int, ...], start: int) -> int:
        """The place of the noun of the phrase that begins at `start`."""
        if start < len(source) and FIRST <= source[start] < FIRST + ARTICLES:
            for place in range(start + 1, min(start + ADJECTIVES + 2, len(source))):
                if source[place] in self.nouns:
                    return place
                if source[place] not in self.adjectives:
                    break
        raise DataError(f"no phrase of article, adjectives and noun at word {start} of {source}")

    def _sentences(self, rng: np.random.Generator, side: Side) -> Iterator[tuple[int, ...]]:
        while True:
            for length in range(self.shortest, self.longest + 1):
                sentence = self._sentence(length, rng)
                while is_held_out(repr(sentence), HELD_OUT) != (side == "held_out"):
                    sentence = self._sentence(length, rng)
                yield sentence

    def _sentence(self, length: int, rng: np.random.Generator) -> tuple[int, ...]:
        draws = iter(rng.random(2 * length).tolist())  # a word takes less than two
        half = len(self.verbs) // 2
        words: list[int] = []
        while len(words) < length:
            left = length - len(words)
            # a clause may not leave one word or two, from which no clause can be made
            sizes = [size for size in _SHAPES if size == left or size <= left - 3]
            shape = _pick(_SHAPES[_pick(sizes, draws)], draws)
            words += self._phrase(shape[0], draws)
            if len(shape) == 1:
                words.append(_pick(self.verbs[:half], draws))
            else:
                words.append(_pick(self.verbs[half:], draws))
                words += self._phrase(shape[1], draws)
        return tuple(words)

    def _phrase(self, adjectives: int, draws: Iterator[float]) -> list[int]:
        article = _pick(range(FIRST, FIRST + ARTICLES), draws)
        between = [_pick(self.adjectives, draws) for _ in range(adjectives)]
        return [article, *between, _pick(self.nouns, draws)]

    def _name(self, word: int) -> str:
        for letter, words in (("n", self.nouns), ("a", self.adjectives), ("v", self.verbs)):
            if word in words:
                return f"{letter}{words.index(word)}"
        return ("the", "some")[word - FIRST]


def _pick(choices: Sequence[C], draws: Iterator[float]) -> C:
    return choices[int(next(draws) * len(choices))]


def _shapes() -> dict[int, list[tuple[int, ...]]]:
    """For each length of a clause the numbers of adjectives in its phrases: one phrase or two."""
    shapes: dict[int, list[tuple[int, ...]]] = {}
    for first in range(ADJECTIVES + 1):
        shapes.setdefault(3 + first, []).append((first,))
        for second in range(ADJECTIVES + 1):
            shapes.setdefault(5 + first + second, []).append((first, second))
    return shapes


_SHAPES = _shapes()
