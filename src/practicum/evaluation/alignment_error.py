"""Which source word each target word says: links, their Pharaoh format, and how wrong they are.

    AER = 1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|)     Och & Ney 2003, §4.1

A are the links found, S the sure ones of a person and P ⊇ S the possible ones. Soft weights become
links by the largest weight of each target word. In Pharaoh's format a sentence is a line of
`source-target` pairs, words counted from 0; `3p5` (also written `3?5`) is possible and not sure.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from practicum.data.parallel import sentences
from practicum.errors import DataError

_LINK = re.compile(r"([0-9]+)([-p?])([0-9]+)")


class Link(NamedTuple):
    """A target word says a source word; both counted from 0."""

    source: int
    target: int


@dataclass(frozen=True, kw_only=True)
class Links:
    """The links of one sentence. `possible` are those that are not sure."""

    sure: frozenset[Link]
    possible: frozenset[Link] = frozenset()


@dataclass(frozen=True, kw_only=True)
class AlignmentScore:
    """Of a corpus, each 0 to 1; a share of nothing is 1, since nothing was wrong."""

    error: float  # AER
    precision: float  # of the links found those that are possible or sure
    recall: float  # of the sure links those that were found


def strongest(weights: Float[np.ndarray, "t s"]) -> frozenset[Link]:
    """For each target word the source word with the largest weight, of equals the first."""
    return frozenset(Link(int(best), word) for word, best in enumerate(weights.argmax(1)))


def hits(weights: Float[np.ndarray, "t s"], gold: Sequence[int]) -> int:
    """Of how many target words the largest weight is at the source word that `gold` names."""
    if len(weights) != len(gold):
        raise DataError(
            f"weights of {len(weights)} target words and {len(gold)} right places; expected one "
            "for each"
        )
    return int((weights.argmax(1) == np.asarray(gold)).sum())


def score_links(found: Sequence[frozenset[Link]], gold: Sequence[Links]) -> AlignmentScore:
    """The error over all sentences together. Raises DataError without a gold line for each."""
    if len(found) != len(gold) or not found:
        raise DataError(
            f"links of {len(found):,} sentences and right ones of {len(gold):,}; expected one "
            "line for each, and some"
        )
    sure = right = fine = said = 0
    for links, wanted in zip(found, gold, strict=True):
        sure, said = sure + len(wanted.sure), said + len(links)
        right += len(links & wanted.sure)
        fine += len(links & (wanted.sure | wanted.possible))
    return AlignmentScore(
        error=1 - (right + fine) / (said + sure) if said + sure else 0.0,
        precision=fine / said if said else 1.0,
        recall=right / sure if sure else 1.0,
    )


def to_pharaoh(sure: Iterable[Link], possible: Iterable[Link] = ()) -> str:
    """One line, by rising source word."""
    marks = [(link, "-") for link in sure] + [(link, "p") for link in possible]
    return " ".join(f"{link.source}{mark}{link.target}" for link, mark in sorted(marks))


def from_pharaoh(line: str) -> Links:
    """The links of one line; an empty line has none. Raises DataError for anything else."""
    sure, possible = set(), set()
    for item in line.split():
        match = _LINK.fullmatch(item)
        if match is None:
            raise DataError(
                f"'{item[:40]}' is no link; expected such as 3-5, or 3p5 where it is possible"
            )
        link = Link(int(match[1]), int(match[3]))
        (sure if match[2] == "-" else possible).add(link)
    return Links(sure=frozenset(sure), possible=frozenset(possible - sure))


def read_links(file: str | Path) -> tuple[Links, ...]:
    """The links of a file, a sentence a line. Raises DataError with the line that is wrong."""
    place = Path(file).expanduser()
    found = []
    for number, line in enumerate(sentences(place), start=1):
        try:
            found.append(from_pharaoh(line))
        except DataError as problem:
            raise DataError(f"{place} line {number}: {problem}") from problem
    return tuple(found)
