"""Three tasks about the verses of two bibles, each as text in and text out; and plain text of them.

    book: In the beginning was the Word …        gospels
    modern: I pray thee, let me go over …        Please let me go over …
    fix: In the _ was the Word, _ the Word …     beginning and

The verses come from chapters that `documents.Corpus.split` holds out at `held_out`, in both bibles
alike; the plain text is the other chapters of both.
"""

from collections.abc import Iterator, Sequence
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
GAP = "_"  # where a word is missing


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
    missing: int = 4  # words to be found in "fix"

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1 or self.longest < 1 or self.missing < 1:
            raise ConfigError(
                f"VerseTasks with {self.held_out} of the chapters, verses of {self.longest} "
                f"characters and {self.missing} words missing; expected a share between 0 and 1 "
                "and numbers of 1 or more"
            )

    def plain(self) -> list[Document]:
        """The chapters of both bibles that no task is made of."""
        return [d for name in (self.old, self.new) for d in corpus(name).split(self.held_out).train]

    def verses(self) -> list[Verse]:
        """The verses that have words enough to miss some, in their order."""
        parts = _parts(self.old)
        return [
            Verse(parts[document.id], old, new)
            for document, pairs in self._chapters()
            for old, new in pairs
            if self._suits(old, new)
        ]

    def draw(self, sizes: Sequence[int], *, seed: int) -> list[dict[Task, list[SentencePair]]]:
        """Sets of so many verses, such as to learn from and to measure on: all tasks about each.

        No verse is in two sets. Raises DataError where there are not enough verses.
        """
        verses = self.verses()
        if sum(sizes) > len(verses):
            raise DataError(f"{sum(sizes)} verses are asked for; {self.old} has {len(verses)}")
        rng = np.random.default_rng(derive(seed, "verses"))
        order = iter(rng.permutation(len(verses)).tolist())
        return [self._tasks([verses[next(order)] for _ in range(n)], rng) for n in sizes]

    def _chapters(self) -> Iterator[tuple[Document, list[tuple[str, str]]]]:
        """Held-out chapters of the old bible with their verses in both, where these are as many."""
        old, new = (corpus(name).split(self.held_out).held_out for name in (self.old, self.new))
        others = {document.id: document.text.splitlines() for document in new}
        for document in old:
            lines, beside = document.text.splitlines(), others.get(document.id, [])
            if len(lines) == len(beside):  # else the bibles number this chapter differently
                yield document, list(zip(lines, beside, strict=True))

    def _suits(self, old: str, new: str) -> bool:
        fits = 0 < len(new) <= self.longest and len(old) <= self.longest
        return fits and len(old.split()) > 2 * self.missing

    def _tasks(
        self, verses: list[Verse], rng: np.random.Generator
    ) -> dict[Task, list[SentencePair]]:
        return {
            "book": [SentencePair(f"book: {v.old}", v.part) for v in verses],
            "modern": [SentencePair(f"modern: {v.old}", v.new) for v in verses],
            "fix": [self._fix(v.old, rng) for v in verses],
        }

    def _fix(self, verse: str, rng: np.random.Generator) -> SentencePair:
        words = verse.split()
        gone = sorted(rng.choice(len(words), self.missing, replace=False).tolist())
        shown = [GAP if place in gone else word for place, word in enumerate(words)]
        return SentencePair(f"fix: {' '.join(shown)}", " ".join(words[place] for place in gone))


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
