"""Which source word says each target word: links, and their lines in Pharaoh's format.

A sentence is a line of `source-target` pairs, words counted from 0; `3p5` (also written `3?5`) is
possible and not sure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
