"""BLEU, how much of a translation's n-grams its references have (Papineni et al. 2002, §2).

    BLEU = 100 · BP · exp(1/N Σₙ log pₙ)     pₙ = clipped matches / n-grams said, n = 1 … N = 4
    BP   = min(1, exp(1 − r/c))              c words said, r in the references closest in length

Counts are summed over the whole corpus before anything is divided. The sentences are words already:
scores of other tokenizations are other numbers. An order without a match makes BLEU zero, as the
equation has it; `Smoothing` says what else may stand there (Chen & Cherry 2014). An order of which
nothing was said (every sentence has fewer than n words) leaves pₙ undefined: BLEU is 0 whatever the
smoothing, or `effective` leaves such orders out.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from practicum.errors import ConfigError, DataError

Words = Sequence[Hashable]  # of one sentence; not a string, whose letters would be its words


@dataclass(frozen=True, kw_only=True)
class NoSmoothing:
    """An order without a match makes BLEU zero."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """`matches` stand for none (Chen & Cherry's method 1)."""

    matches: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.matches <= 1:
            raise ConfigError(f"Floor.matches is {self.matches}; expected above 0, at most 1")


@dataclass(frozen=True, kw_only=True)
class AddToHigher:
    """`count` is added to matches and n-grams of every order above 1 (method 2)."""

    count: float = 1.0

    def __post_init__(self) -> None:
        if self.count <= 0:
            raise ConfigError(f"AddToHigher.count is {self.count}; expected above 0")


@dataclass(frozen=True, kw_only=True)
class Halving:
    """1/2 of a match stands for the first order without one, 1/4 for the next (method 3)."""


Smoothing = NoSmoothing | Floor | AddToHigher | Halving


@dataclass(frozen=True, kw_only=True)
class Bleu:
    """The score, 0 to 100, and what it is made of."""

    score: float
    precisions: tuple[float, ...]  # pₙ after smoothing, 0 to 1; those of undefined orders are 0
    brevity: float  # BP
    said: int  # c, words of the translations
    wanted: int  # r, words of the references


def bleu(
    translations: Sequence[Words],
    references: Sequence[Sequence[Words]],
    *,
    order: int = 4,
    smoothing: Smoothing = NoSmoothing(),
    effective: bool = False,
) -> Bleu:
    """The score of a corpus; `references` holds one or more for each translation.

    Without any match the score is 0 whatever the smoothing. With `effective` the mean is taken over
    the orders of which something was said: for single short sentences.

    Raises DataError: other numbers of both, no references, a string where words are expected.
    """
    if order < 1:
        raise ConfigError(f"BLEU of order {order} does not exist; expected at least 1")
    _check(translations, references)
    matches, said = _counts(translations, references, order)
    words = sum(map(len, translations))
    wanted = sum(map(_closest, map(len, translations), references))
    brevity = 1.0 if words >= wanted else math.exp(1 - wanted / words) if words else 0.0
    if not any(matches):
        none = (0.0,) * order
        return Bleu(score=0.0, precisions=none, brevity=brevity, said=words, wanted=wanted)
    precisions = _precisions(matches, said, smoothing)
    used = precisions[: sum(count > 0 for count in said)] if effective else precisions
    mean = math.exp(math.fsum(map(math.log, used)) / len(used)) if all(used) else 0.0
    return Bleu(
        score=100 * brevity * mean,
        precisions=tuple(precisions),
        brevity=brevity,
        said=words,
        wanted=wanted,
    )


def _counts(
    translations: Sequence[Words], references: Sequence[Sequence[Words]], order: int
) -> tuple[list[int], list[int]]:
    """For each order the n-grams that a reference has too, each as often as there, and all."""
    matches, said = [0] * order, [0] * order
    for translation, alternatives in zip(translations, references, strict=True):
        for n in range(1, order + 1):
            counts = _ngrams(translation, n)
            matches[n - 1] += (counts & _most([_ngrams(one, n) for one in alternatives])).total()
            said[n - 1] += counts.total()
    return matches, said


def _precisions(matches: list[int], said: list[int], smoothing: Smoothing) -> list[float]:
    precisions, missing = [], 0
    for n, (matched, count) in enumerate(zip(matches, said, strict=True), start=1):
        value: float = matched
        total: float = count
        match smoothing:
            case AddToHigher(count=extra) if n > 1 and count:
                value, total = value + extra, total + extra
            case Floor(matches=least) if not matched:
                value = least
            case Halving() if not matched:
                missing += 1
                value = 0.5**missing
            case _:
                pass
        precisions.append(value / total if count else 0.0)
    return precisions


def _ngrams(words: Words, n: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _most(counts: list[Counter[tuple[Hashable, ...]]]) -> Counter[tuple[Hashable, ...]]:
    """How often each n-gram occurs in the reference that has it most often."""
    most = Counter[tuple[Hashable, ...]]()
    for one in counts:
        most |= one
    return most


def _closest(length: int, references: Sequence[Words]) -> int:
    """The length of the reference closest to `length`, of two equally close ones the shorter."""
    return min((abs(len(one) - length), len(one)) for one in references)[1]


def _check(translations: Sequence[Words], references: Sequence[Sequence[Words]]) -> None:
    if len(translations) != len(references):
        raise DataError(
            f"{len(translations)} translations and references for {len(references)}; expected "
            "references for each"
        )
    if not translations:
        raise DataError("there are no translations to score; give at least one")
    for number, (translation, alternatives) in enumerate(
        zip(translations, references, strict=True), start=1
    ):
        if not alternatives:
            raise DataError(f"translation {number} has no reference; give at least one")
        if any(isinstance(words, str) for words in (translation, alternatives, *alternatives)):
            raise DataError(
                f"translation {number} or a reference of it is a string; expected a list of words, "
                "and for the references a list of such lists"
            )
