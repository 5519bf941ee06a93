"""How much of a test set was in the training text: shared 8-grams of words.

Both are normalised to lower-cased alphanumeric words; the report is the share of the test's 8-grams
(occurrences, within documents) that a Bloom filter of the training text holds, at a false-positive
rate of at most 1e-8 (Radford et al. 2019, §4).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from practicum.errors import DataError
from practicum.evaluation.bits import Written
from practicum.evaluation.bloom import BloomFilter, Keys, mix
from practicum.events import Progress, emit

RATE = 1e-8
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """`found` of the `total` n-grams of a test set were in the training text."""

    found: int
    total: int

    @property
    def percent(self) -> float | None:
        """None where the test set has no n-gram: all its texts are shorter than n words."""
        return 100 * self.found / self.total if self.total else None


class Ngrams:
    """From texts to 128-bit keys of their n-grams of words. Every instance makes the same keys."""

    def __init__(self, n: int = 8) -> None:
        if n < 1:
            raise DataError(f"n-grams of {n} words; expected at least 1")
        self.n = n
        self._numbers: dict[str, int] = {}  # word → row of `_hashes`
        self._hashes = np.empty((1024, 2), dtype=np.uint64)
        odd = mix(np.arange(1, 2 * n + 1, dtype=np.uint64)) | np.uint64(1)
        self._factors = odd.reshape(n, 2)  # one for each place and each half of the key

    def __call__(self, text: str) -> Keys:
        """The keys of all n-grams of `text`, in order."""
        numbers = [self._number(word) for word in _WORD.findall(text.lower())]
        count = max(0, len(numbers) - self.n + 1)
        hashes = self._hashes[numbers] if numbers else self._hashes[:0]
        keys = np.zeros((count, 2), dtype=np.uint64)
        for place in range(self.n):
            keys += hashes[place : place + count] * self._factors[place]
        return mix(keys)

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            if number == len(self._hashes):
                self._hashes = np.concatenate([self._hashes, np.empty_like(self._hashes)])
            digest = hashlib.blake2b(word.encode(), digest_size=16).digest()
            self._hashes[number] = np.frombuffer(digest, dtype=np.uint64)
        return number


class SeenText:
    """The n-grams of a training text. `capacity` bounds the memory for texts read once."""

    def __init__(
        self, documents: Iterable[Written | str], *, n: int = 8, capacity: int | None = None
    ) -> None:
        self.ngrams = Ngrams(n)
        parts = (self.ngrams(_text(document)) for document in documents)
        if capacity is None:
            parts = _distinct(parts)
            capacity = max(1, sum(map(len, parts)))
        self.filter = BloomFilter(capacity, RATE)
        for done, keys in enumerate(parts, start=1):
            self.filter.add(keys)
            emit(Progress(task="reading the training text", done=done, unit="parts"))

    def overlap(self, documents: Iterable[Written | str]) -> Overlap:
        """How many n-grams of `documents` are in the training text."""
        found = total = 0
        for document in documents:
            seen = self.filter.contains(self.ngrams(_text(document)))
            found, total = found + int(seen.sum()), total + len(seen)
        return Overlap(found=found, total=total)


def _text(document: Written | str) -> str:
    return document if isinstance(document, str) else document.text


def _distinct(parts: Iterable[Keys]) -> list[Keys]:
    """Each part without repetitions, so that a text of many repetitions gets a small filter."""
    return [np.unique(keys, axis=0) if len(keys) else keys for keys in parts]
