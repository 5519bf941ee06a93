"""Prose without a writer: sums worked out, and a table of facts about people told in sentences.

Sums follow a rule that can be learned; the facts follow none and have to be remembered, each under
several phrasings. Both are the same for all documents of a seed. What a document tells is drawn by
its number alone, and its id decides whether it is held out, as that of any document does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from practicum.data.documents import HELD_OUT, Document, is_held_out
from practicum.errors import ConfigError
from practicum.seeding import derive


@dataclass(frozen=True, kw_only=True)
class FactSentences:
    """Facts about `people`, three each, and sums of numbers below `limit`, a line each."""

    people: int = 2000
    limit: int = 100
    lines: int = 16  # per document
    sums: float = 0.5  # share of the lines

    def __post_init__(self) -> None:
        most = len(_SYLLABLES) ** 2
        if not 1 <= self.people <= most:
            raise ConfigError(
                f"FactSentences.people is {self.people}; expected 1 to {most}, which have names"
            )
        if self.limit < 2 or self.lines < 1 or not 0 <= self.sums <= 1:
            raise ConfigError(
                "FactSentences needs a limit of 2, a line, and a share of sums from 0 to 1; "
                f"got {self.limit}, {self.lines} and {self.sums}"
            )

    def documents(self, *, seed: int, held_out: bool = False) -> Iterator[Document]:
        """Documents of one side without end."""
        facts, number = self.facts(seed), 0
        while True:
            identity = f"facts/{seed}/{number}"
            if is_held_out(identity, HELD_OUT) == held_out:
                rng = np.random.default_rng(derive(seed, "fact sentences", number))
                lines = [self._line(facts, rng) for _ in range(self.lines)]
                yield Document(
                    id=identity,
                    text="".join(f"{line}\n" for line in lines),
                    source="fact sentences",
                    licence="Apache-2.0",
                )
            number += 1

    def facts(self, seed: int) -> dict[str, tuple[str, ...]]:
        """Where each person lives, their trade and their animal, by their name."""
        rng = np.random.default_rng(derive(seed, "facts"))
        pairs = rng.permutation(len(_SYLLABLES) ** 2)[: self.people]
        names = (
            _SYLLABLES[pair // len(_SYLLABLES)] + _SYLLABLES[pair % len(_SYLLABLES)]
            for pair in pairs
        )
        return {name.capitalize(): tuple(_one(values, rng) for values in _VALUES) for name in names}

    def _line(self, facts: dict[str, tuple[str, ...]], rng: np.random.Generator) -> str:
        if rng.random() < self.sums:
            a, b = sorted(rng.integers(self.limit, size=2).tolist(), reverse=True)
            return _one(_SUMS, rng).format(a=a, b=b, sum=a + b, rest=a - b)
        name = _one(list(facts), rng)
        kind = int(rng.integers(len(_VALUES)))
        return _one(_FACTS[kind], rng).format(name=name, value=facts[name][kind])


def _one(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


_SYLLABLES = tuple(c + v + e for c in "bdfgklmnprstvz" for v in "aeiou" for e in ("", "n", "r"))
_TOWNS = [
    "Aldermoor",
    "Brightwater",
    "Coldbrook",
    "Dunmere",
    "Eastvale",
    "Fairholm",
    "Greyport",
    "Highcliff",
    "Ironbridge",
    "Kingsford",
    "Larkhill",
    "Marshend",
    "Northgate",
    "Oakhaven",
    "Pinefield",
    "Quarrytown",
    "Redford",
    "Saltmarsh",
    "Thornbury",
    "Underwood",
    "Westbay",
    "Yarrow",
]
_TRADES = [
    "baker",
    "cooper",
    "dyer",
    "farmer",
    "fisher",
    "glazier",
    "hatter",
    "joiner",
    "mason",
    "miller",
    "painter",
    "potter",
    "sailor",
    "shepherd",
    "smith",
    "tailor",
    "tanner",
    "weaver",
]
_ANIMALS = [
    "cat",
    "crow",
    "dog",
    "donkey",
    "goat",
    "goose",
    "hare",
    "hen",
    "horse",
    "mule",
    "ox",
    "parrot",
    "pig",
    "rabbit",
    "sheep",
]
_VALUES = (_TOWNS, _TRADES, _ANIMALS)
_FACTS = (
    ("{name} lives in {value}.", "The home of {name} is {value}.", "In {value} lives {name}."),
    ("{name} works as a {value}.", "The trade of {name} is {value}.", "{name} is the {value}."),
    ("{name} keeps one {value}.", "The animal of {name} is the {value}.", "{name} owns a {value}."),
)
_SUMS = (
    "{a} + {b} = {sum}",
    "{a} - {b} = {rest}",
    "Add {b} to {a} to get {sum}.",
    "Take {b} from {a} to get {rest}.",
)
