"""The state of learning merges: how often pairs occur, where, and which one comes next.

    repeat: the most frequent pair of neighbouring tokens becomes one token, everywhere

A heap leads to the most frequent pair; its outdated entries are put right when they come up. That
is enough since a pair only gets rarer, and is first met later, once the merge that made the younger
of its tokens is done: no two merges make the same token, for whatever happened inside an occurrence
of a token depended on its own bytes alone, or a merge would have crossed its border.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import AnyStr, Generic

from practicum.errors import TokenizerError
from practicum.events import Progress, emit
from practicum.tokenizers.bpe_places import Places
from practicum.tokenizers.byte_alphabet import BYTE_ORDER

LONG = 1000  # tokens; a merge in a longer word costs what it changes, not the word's length
_REPORT = 128  # merges


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What a definition of training leaves open: the ids of bytes, and which of equals is merged.

    Of equally frequent pairs the one with the older first token is, then the one with the older
    second, bytes being as old as their ids say; or the one that is `first_met` in the texts.
    """

    alphabet: bytes = BYTE_ORDER  # all 256 bytes by id
    first_met: bool = False

    def __post_init__(self) -> None:
        if sorted(self.alphabet) != list(range(256)):
            raise TokenizerError(f"an alphabet of {len(self.alphabet)} bytes; all 256 are needed")


TOKENIZERS = Convention()
"""Hugging Face's `BpeTrainer`, with GPT-2's alphabet."""

MINBPE = Convention(alphabet=bytes(range(256)), first_met=True)
"""Karpathy's minbpe: a byte is its own id."""


def merging_bytes(counts: Mapping[str, int], convention: Convention) -> "Merging[bytes]":
    """Learns merges from pieces and their counts, given in the order in which they are met."""
    age = bytes(convention.alphabet.index(byte) for byte in range(256))
    return Merging(
        [_tokens(piece, age) for piece in counts],
        list(counts.values()),
        [bytes([byte]) for byte in convention.alphabet],
        first_met=convention.first_met,
    )


class Merging(Generic[AnyStr]):
    """Learns merges in `words`, which are strings of tokens: `chr(n)` stands for `pieces[n]`."""

    def __init__(
        self, words: list[str], weights: list[int], pieces: list[AnyStr], *, first_met: bool
    ) -> None:
        self.pieces = pieces
        self.pairs: defaultdict[str, int] = defaultdict(int)
        self._first_met = first_met
        short = [word if len(word) <= LONG else "" for word in words]
        long = {number: word for number, word in enumerate(words) if len(word) > LONG}
        self._words = Words(short, weights, self.pairs, pieces)
        self._places = Places(long, weights, self.pairs)
        # Most frequent first, then first met where that counts, then oldest: tokens are characters,
        # which compare as their ids do.
        self._heap = [(-count, self._met(pair), pair) for pair, count in self.pairs.items()]
        heapify(self._heap)

    def until(self, size: int) -> tuple[list[AnyStr], list[tuple[AnyStr, AnyStr]]]:
        """The pieces and the merges by rank, once there are `size` pieces or no pair is left."""
        total = size - len(self.pieces)
        merges: list[tuple[AnyStr, AnyStr]] = []
        while len(merges) < total and (pair := self._next()) is not None:
            left, right = (self.pieces[ord(token)] for token in pair)
            merged = chr(len(self.pieces))
            self.pieces.append(left + right)
            merges.append((left, right))
            grown = self._words.merge(pair, merged) | self._places.merge(pair, merged)
            del self.pairs[pair]
            for new in grown:
                if self.pairs[new] > 0:
                    heappush(self._heap, (-self.pairs[new], self._met(new), new))
            if len(merges) % _REPORT == 0 or len(merges) == total:
                done = len(merges)
                emit(Progress(task="learn merges", done=done, total=total, unit="merges"))
        return self.pieces, merges

    def _next(self) -> str | None:
        """The next pair to merge. Entries that have changed go back as they are now."""
        heap, pairs = self._heap, self.pairs
        while heap:
            negative, met, pair = heappop(heap)
            count = pairs.get(pair, 0)  # 0: merged meanwhile
            if count <= 0:
                continue
            now = self._met(pair)
            if (count, now) == (-negative, met):
                return pair
            heappush(heap, (-count, now, pair))
        return None

    def _met(self, pair: str) -> int:
        """Where a pair that occurs is met first, where that counts; else 0."""
        if not self._first_met:
            return 0
        met = [self._words.first(pair), self._places.first(pair)]
        return min(place for place in met if place is not None)


class Words:
    """Words as strings of tokens, one character each, so that a merge in one is `str.replace`."""

    def __init__(
        self,
        words: list[str],
        weights: list[int],
        pairs: defaultdict[str, int],
        pieces: Sequence[bytes | str],
    ) -> None:
        self._words = words
        self._weights = weights
        self._pairs = pairs
        self._pieces = pieces
        self._where: defaultdict[str, list[int]] = defaultdict(list)  # may name a word twice
        self._gone: dict[str, int] = {}  # of the words that it names, how many no longer hold it
        for number, (word, weight) in enumerate(zip(words, weights, strict=True)):
            for left, right in pairwise(word):
                pairs[left + right] += weight
                self._where[left + right].append(number)

    def first(self, pair: str) -> int | None:
        """The place of the first occurrence: its word, then the length before it."""
        numbers, gone = self._where.get(pair, []), self._gone.get(pair, 0)
        while gone < len(numbers) and pair not in self._words[numbers[gone]]:
            gone += 1
        self._gone[pair] = gone
        if gone == len(numbers):
            return None
        word = self._words[numbers[gone]]
        before = sum(len(self._pieces[ord(token)]) for token in word[: word.find(pair)])
        return numbers[gone] << 32 | before

    def merge(self, pair: str, merged: str) -> set[str]:
        """Replace `pair` in every word by `merged`; the pairs that came up."""
        words, weights, pairs, where = self._words, self._weights, self._pairs, self._where
        left, right = pair
        grown: set[str] = set()
        for number in where.pop(pair, ()):
            word = words[number]
            at = word.find(pair)
            if at < 0:  # an earlier merge took one of the two, or the index named it twice
                continue
            weight = weights[number]
            previous_stop = -1
            while at >= 0:
                stop = at + 2
                if at:
                    before = merged if at == previous_stop else word[at - 1]
                    pairs[before + left] -= weight
                    new = before + merged
                    pairs[new] += weight
                    where[new].append(number)
                    grown.add(new)
                if stop < len(word):
                    after = word[stop]
                    pairs[right + after] -= weight
                    new = merged + after
                    pairs[new] += weight
                    where[new].append(number)
                    grown.add(new)
                previous_stop = stop
                at = word.find(pair, stop)
            words[number] = word.replace(pair, merged)
        return grown


def _tokens(piece: str, age: bytes) -> str:
    try:
        return piece.encode().translate(age).decode("latin-1")
    except UnicodeEncodeError as problem:
        raise TokenizerError(
            f"a text holds the lone surrogate U+{ord(piece[problem.start]):04X}, which UTF-8 "
            "cannot express; read the file with errors='replace'"
        ) from problem
