"""Three tasks about the verses of two bibles, each as text in and text out.

    book: In the beginning was the Word …        gospels
    modern: I pray thee, let me go over …        Please let me go over …
    fix: In the was the Word, the Word …         In the beginning was the Word, and the Word …

The verses come from chapters that `documents.Corpus.split` holds out at `held_out`, in both bibles
alike; `plain` is all the rest, for whoever learns from text without tasks first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from practicum.data.corpora import corpus
from practicum.data.documents import Document
from practicum.data.parallel import SentencePair
from practicum.errors import ConfigError, DataError
from practicum.seeding import derive

Task = Literal["book", "modern", "fix"]
TASKS: tuple[Task, ...] = ("book", "modern", "fix")
PARTS = {  # the kinds of books, by the last of each in the order of the bible
    "deuteronomy": "law",
    "esther": "history",
    "job": "wisdom",
    "psalms": "psalms",
    "songs of song": "wisdom",
    "daniel": "major prophets",
    "malachi": "minor prophets",
    "john": "gospels",
    "acts": "acts",
    "jude": "letters",
    "revelation": "revelation",
}
OTHER = "other"  # a text that is no book of the bible


class Verse(NamedTuple):
    """A verse in the two bibles, and the part of the bible it is from."""

    part: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class VerseTasks:
    """Tasks about verses of at most `longest` characters."""

    old: str = "kjv"  # the two bibles: names of corpora with the same chapters
    new: str = "web"
    held_out: float = 0.25  # share of the chapters that tasks are made of
    longest: int = 100
    dropped: int = 4  # words missing in "fix"

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1 or self.longest < 1 or self.dropped < 1:
            raise ConfigError(
                f"VerseTasks with {self.held_out} of the chapters, verses of {self.longest} "
                f"characters and {self.dropped} words dropped; expected a share between 0 and 1 "
                "and numbers of 1 or more"
            )

    def plain(self, names: Sequence[str]) -> list[Document]:
        """The documents of the corpora called `names` that no task is made of."""
        return [document for name in names for document in corpus(name).split(self.held_out).train]

    def verses(self) -> list[Verse]:
        """The verses that have words enough to drop some, in their order."""
        new = {d.id: d.text.splitlines() for d in corpus(self.new).split(self.held_out).held_out}
        part, found = _parts(self.old), []
        for document in corpus(self.old).split(self.held_out).held_out:
            lines, others = document.text.splitlines(), new.get(document.id, [])
            if len(lines) == len(others):  # else the bibles number this chapter differently
                pairs = zip(lines, others, strict=True)
                found += [Verse(part[document.id], *pair) for pair in pairs if self._suits(*pair)]
        return found

    def draw(self, sizes: Sequence[int], *, seed: int) -> list[dict[Task, list[SentencePair]]]:
        """Sets of so many different verses, such as to learn from and to measure on: all tasks of
        each. No verse is in two of them. Raises DataError where there are not enough verses."""
        verses = self.verses()
        if sum(sizes) > len(verses):
            raise DataError(f"{sum(sizes)} verses are asked for; {self.old} has {len(verses)}")
        rng = np.random.default_rng(derive(seed, "verses"))
        order = iter(rng.permutation(len(verses)).tolist())
        return [self._tasks([verses[next(order)] for _ in range(n)], rng) for n in sizes]

    def _suits(self, old: str, new: str) -> bool:
        shorter, longer = sorted((len(old), len(new)))
        return shorter > 0 and longer <= self.longest and len(old.split()) > 2 * self.dropped

    def _tasks(
        self, verses: list[Verse], rng: np.random.Generator
    ) -> dict[Task, list[SentencePair]]:
        return {
            "book": [SentencePair(f"book: {v.old}", v.part) for v in verses],
            "modern": [SentencePair(f"modern: {v.old}", v.new) for v in verses],
            "fix": [SentencePair(f"fix: {self._gapped(v.old, rng)}", v.old) for v in verses],
        }

    def _gapped(self, verse: str, rng: np.random.Generator) -> str:
        words = verse.split()
        gone = set(rng.choice(len(words), self.dropped, replace=False).tolist())
        return " ".join(word for place, word in enumerate(words) if place not in gone)


def _parts(name: str) -> dict[str, str]:
    """The part of the bible that each document of the corpus is from, by its id."""
    parts, books = {}, iter(PARTS.items())
    last, part = next(books)
    before = ""
    for document in corpus(name).documents:
        book = document.id.removeprefix("scripture:").rpartition(" ")[0]
        if book != before and before == last:
            last, part = next(books)
        parts[document.id] = part if document.id.startswith("scripture:") else OTHER
        before = book
    return parts
