"""Documents that repeat a task without naming it: pairs `x>y;` of one rule on short strings.

    374>473;028>820;…       every y is x reversed
    374>485;028>139;…       every symbol is raised by one

So does the web, where a page is a list of sums, or of words and their translations: to predict such
a text one has to find out from its beginning what it does (Brown et al. 2020, Fig. 1.1). With
`repeat` off the same pairs are dealt anew among the documents of a draw: pairs, rules and strings
are as frequent as before, and only the repetition is gone.

A string may hold a symbol twice, and then one example can fit several rules. No string stands twice
in a document, so that no question was answered before in it. One string in `HELD_OUT` is in no
document that `draw` makes: documents to measure on hold the others, or only such new ones.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from practicum.data.packing import Example
from practicum.errors import ConfigError

HELD_OUT = 5


class Rule(NamedTuple):
    """yᵢ = x[places[i]] + shift, around the alphabet."""

    name: str
    places: tuple[int, ...]
    shift: int


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """Documents of `pairs` pairs by one of `rules` rules on strings of `length` symbols.

    Ids below `symbols` are the alphabet's; then come that of `>` and that of `;`.
    """

    symbols: int = 10
    length: int = 3
    rules: int = 5
    pairs: int = 9
    repeat: bool = True  # off: every pair of a document has a rule of its own (the control)

    def __post_init__(self) -> None:
        if min(self.symbols, self.length) < 2 or self.pairs < 1:
            raise ConfigError(
                f"Rewriting has strings of {self.length} of {self.symbols} symbols and documents "
                f"of {self.pairs} pairs; expected 2 symbols or more, a length of 2 or more, and "
                "1 pair or more"
            )
        most = len(all_rules(self.symbols, self.length))
        if not 2 <= self.rules <= most:
            raise ConfigError(f"Rewriting.rules is {self.rules}; expected 2 to {most}")
        fewest = int(held_out(self.symbols, self.length).sum())
        if 2 * self.pairs > fewest:
            raise ConfigError(
                f"documents of {self.pairs} pairs need twice as many strings that are held out, "
                f"and there are {fewest}; take longer strings, more symbols or fewer pairs"
            )

    @property
    def vocab(self) -> int:
        return self.symbols + 2

    @property
    def pair(self) -> int:
        """Tokens of a pair."""
        return 2 * self.length + 2

    def answer(self, pair: int) -> slice:
        """Where in a document the answer of a pair stands, counted from 0; `;` is no part of it."""
        end = (pair + 1) * self.pair - 1
        return slice(end - self.length, end)

    def draw(self, count: int, rng: np.random.Generator) -> list[Example]:
        """`count` documents to learn from."""
        x = self._strings(count, self.pairs, rng, new=False)
        y = self._rewritten(x, self._some(count, rng)[:, None])
        if not self.repeat:
            order = rng.permutation(count * self.pairs)
            x, y = (part.reshape(-1, self.length)[order].reshape(part.shape) for part in (x, y))
        return [Example(ids=row) for row in self._told(x, y)]

    def asked(
        self, count: int, rng: np.random.Generator, *, new: bool = False
    ) -> Int64[np.ndarray, "b t"]:
        """Documents of one rule each to measure on, all of their strings `new` or none."""
        x = self._strings(count, self.pairs, rng, new=new)
        return self._told(x, self._rewritten(x, self._some(count, rng)[:, None]))

    def misleading(
        self, count: int, shots: int, rng: np.random.Generator, *, new: bool = False
    ) -> tuple[Int64[np.ndarray, "b t"], Int64[np.ndarray, "b t"]]:
        """After `shots` pairs of one rule one of another; and the same with the first rule only."""
        x = self._strings(count, shots + 1, rng, new=new)
        shown = self._some(count, rng)
        other = (shown + rng.integers(1, self.rules, size=count)) % self.rules
        which = np.repeat(shown[:, None], shots + 1, axis=1)
        followed = self._told(x, self._rewritten(x, which))
        which[:, -1] = other
        return self._told(x, self._rewritten(x, which)), followed

    def _some(self, count: int, rng: np.random.Generator) -> Int64[np.ndarray, " b"]:
        return rng.integers(self.rules, size=count)

    def _strings(
        self, count: int, pairs: int, rng: np.random.Generator, *, new: bool
    ) -> Int64[np.ndarray, "b p n"]:
        """Different strings within a document."""
        mine = all_strings(self.symbols, self.length)
        mine = mine[held_out(self.symbols, self.length) == new]
        chosen = rng.integers(len(mine), size=(count, pairs))
        while (again := twice(chosen)).any():
            chosen[again] = rng.integers(len(mine), size=(int(again.sum()), pairs))
        return mine[chosen]

    def _rewritten(
        self, x: Int64[np.ndarray, "b p n"], rules: Int64[np.ndarray, "#b #p"]
    ) -> Int64[np.ndarray, "b p n"]:
        """One rule for each document, or for each of its pairs."""
        known = all_rules(self.symbols, self.length)[: self.rules]
        places = np.array([rule.places for rule in known])[rules]
        shift = np.array([rule.shift for rule in known])[rules]
        rearranged = np.take_along_axis(x, np.broadcast_to(places, x.shape), axis=2)
        return (rearranged + shift[..., None]) % self.symbols

    def _told(
        self, x: Int64[np.ndarray, "b p n"], y: Int64[np.ndarray, "b p n"]
    ) -> Int64[np.ndarray, "b t"]:
        sign = np.full((*x.shape[:2], 1), self.symbols)
        return np.concatenate([x, sign, y, sign + 1], axis=2).reshape(len(x), -1)


@lru_cache(maxsize=8)
def all_rules(symbols: int, length: int) -> tuple[Rule, ...]:
    """Ways to arrange a string, each with every shift; the five plainest come first."""
    ahead = tuple(range(length))
    arranged = {
        "copy": ahead,
        "reverse": ahead[::-1],
        "rotate left": (*ahead[1:], 0),
        "first": (0,) * length,
        "rotate right": (length - 1, *ahead[:-1]),
        "last": (length - 1,) * length,
        "swap": (1, 0, *ahead[2:]),
    }
    plain = [("copy", 0), ("reverse", 0), ("rotate left", 0), ("copy", 1), ("first", 0)]
    others = [
        (name, shift)
        for shift, name in product(range(symbols), arranged)
        if (name, shift) not in plain
    ]
    found: dict[tuple[tuple[int, ...], int], Rule] = {}
    for name, shift in (*plain, *others):
        said = f"{name} + {shift}" if shift else name
        found.setdefault((arranged[name], shift), Rule(said, arranged[name], shift))
    return tuple(found.values())


def twice(rows: Int64[np.ndarray, "b p"]) -> Bool[np.ndarray, " b"]:
    """Which rows hold a number twice."""
    ordered = np.sort(rows, axis=1)
    return (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)


@lru_cache(maxsize=8)
def all_strings(symbols: int, length: int) -> Int64[np.ndarray, "s n"]:
    """Every string, in order."""
    return np.indices((symbols,) * length).reshape(length, -1).T


def held_out(symbols: int, length: int) -> Bool[np.ndarray, " s"]:
    """Which of them nobody learns from: those whose symbols, times 1, 2, …, sum to a multiple."""
    return all_strings(symbols, length) @ np.arange(1, length + 1) % HELD_OUT == 0
