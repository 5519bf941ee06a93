"""Questions that are answered at once, or after a chain of steps that helps or misleads.

    sums     3+8+4:   →  3+8=1+4=5#5      the running sum, modulo 10 or less; then the answer
             3+8+4?   →  #5               at once, which takes all sums in one's head
    look-up  a3b8c1 b:  →  c1#1           the chain looks at any of the pairs, and goes on with it
             a3b8c1 b?  →  #8             at once

The letters stand in their order. A learner sees every question half the time with a chain: so a
chain makes sums easy and look-ups a guess, while answers at once are right for look-ups and a guess
for sums.
"""

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError

Family = Literal["sums", "look-up"]
SEPARATOR = ord("\n")  # between what is asked and what is said
LETTERS = "abcdefghij"


class ChainQuestion(NamedTuple):
    """What is asked, the chain that is taught for it, and the answer."""

    family: Family
    asked: str
    chain: str
    answer: str

    @property
    def at_once(self) -> str:
        """The prompt for an answer without a chain."""
        return f"{self.asked}?{chr(SEPARATOR)}"

    @property
    def in_steps(self) -> str:
        """The prompt for a chain and then an answer."""
        return f"{self.asked}:{chr(SEPARATOR)}"


@dataclass(frozen=True, kw_only=True)
class ChainQuestions:
    """Sums of `terms` digits below `modulus`, and one of `pairs` of a letter and a digit."""

    terms: int = 5
    pairs: int = 4
    modulus: int = 10
    families: tuple[Family, ...] = ("sums", "look-up")

    def __post_init__(self) -> None:
        if self.terms < 2 or not 2 <= self.pairs <= len(LETTERS) or not self.families:
            raise ConfigError(
                f"ChainQuestions of {self.terms} terms and {self.pairs} pairs, families "
                f"{self.families}; expected 2 terms or more, 2 to {len(LETTERS)} pairs, a family"
            )
        if not 2 <= self.modulus <= 10:
            raise ConfigError(f"ChainQuestions modulo {self.modulus}; expected 2 to 10")

    def ask(self, count: int, rng: np.random.Generator) -> list[ChainQuestion]:
        """`count` fresh questions of the families, in equal parts as far as may be."""
        kinds = [self.families[i % len(self.families)] for i in range(count)]
        return [self._sum(rng) if kind == "sums" else self._look_up(rng) for kind in kinds]

    def draw(self, count: int, rng: np.random.Generator) -> list[TokenPair]:
        """`count` fresh questions to learn from, in bytes, each with a chain half the time."""
        pairs = []
        for question, chained in zip(self.ask(count, rng), rng.random(count) < 0.5, strict=True):
            prompt = question.in_steps if chained else question.at_once
            said = question.chain if chained else f"#{question.answer}"
            # the objective sets the separator
            pairs.append(TokenPair(tuple(prompt[:-1].encode()), tuple(said.encode())))
        return pairs

    def _sum(self, rng: np.random.Generator) -> ChainQuestion:
        digits = rng.integers(self.modulus, size=self.terms).tolist()
        total, chain = digits[0], str(digits[0])
        for digit in digits[1:]:
            total = (total + digit) % self.modulus
            chain += f"+{digit}={total}"
        return ChainQuestion("sums", "+".join(map(str, digits)), f"{chain}#{total}", str(total))

    def _look_up(self, rng: np.random.Generator) -> ChainQuestion:
        digits = rng.integers(10, size=self.pairs).tolist()
        pairs = list(zip(LETTERS, digits, strict=False))
        (letter, digit), (other, misled) = (pairs[i] for i in rng.integers(self.pairs, size=2))
        asked = "".join(f"{one}{number}" for one, number in pairs) + f" {letter}"
        return ChainQuestion("look-up", asked, f"{other}{misled}#{misled}", str(digit))


def answer_in(said: str) -> str | None:
    """The digit behind the first "#"; None where there is none."""
    found = re.search(r"#(\d)", said)
    return found[1] if found else None
