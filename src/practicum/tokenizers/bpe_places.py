"""Merging within long words, such as a text that is not split: a linked list of tokens.

A token lies where its first byte does. An index leads from each pair to the places of its left
token, so that a merge costs as much as there are occurrences of the pair.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from operator import add

_NONE = -1


class Places:
    """Long words, by their number; `weights` are those of all numbers, `pairs` all counts."""

    def __init__(
        self, words: Mapping[int, str], weights: list[int], pairs: defaultdict[str, int]
    ) -> None:
        self._numbers = list(words)
        self._starts: list[int] = []
        self._weights = [weights[number] for number in words]
        self._pairs = pairs
        self._tokens = array("i")
        self._after = array("i")
        self._before = array("i")
        self._where: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        self._gone: dict[str, int] = {}  # of the places of a pair, how many no longer hold it
        for word, weight in zip(words.values(), self._weights, strict=True):
            start = len(self._tokens)
            stop = start + len(word)
            self._starts.append(start)
            self._tokens.extend(map(ord, word))
            self._after.extend([*range(start + 1, stop), _NONE])
            self._before.extend([_NONE, *range(start, stop - 1)])
            for place, pair in enumerate(map(add, word, word[1:]), start):
                pairs[pair] += weight
                self._where[pair].append(place)

    def first(self, pair: str) -> int | None:
        """The place of the first occurrence: its word, then the bytes before it."""
        places, gone = self._where.get(pair), self._gone.get(pair, 0)
        if places is None:
            return None
        left, right = map(ord, pair)
        while gone < len(places) and not self._holds(places[gone], left, right):
            gone += 1
        self._gone[pair] = gone
        if gone == len(places):
            return None
        word = bisect_right(self._starts, places[gone]) - 1
        return self._numbers[word] << 32 | places[gone] - self._starts[word]

    def _holds(self, place: int, left: int, right: int) -> bool:
        beyond = self._after[place]
        return self._tokens[place] == left and beyond >= 0 and self._tokens[beyond] == right

    def merge(self, pair: str, merged: str) -> set[str]:
        """Replace `pair` by `merged` from left to right; the pairs that came up."""
        tokens, after, before, where = self._tokens, self._after, self._before, self._where
        left, right = pair
        left_id, right_id, merged_id, pairs = ord(left), ord(right), ord(merged), self._pairs
        grown: set[str] = set()
        for place in where.pop(pair, ()):
            if not self._holds(place, left_id, right_id):
                continue
            weight = self._weights[bisect_right(self._starts, place) - 1]
            taken, previous = after[place], before[place]
            beyond = after[taken]
            if previous >= 0:
                token = chr(tokens[previous])
                pairs[token + left] -= weight
                new = token + merged
                pairs[new] += weight
                where[new].append(previous)
                grown.add(new)
            if beyond >= 0:
                token = chr(tokens[beyond])
                pairs[right + token] -= weight
                new = merged + token
                pairs[new] += weight
                where[new].append(place)
                grown.add(new)
                before[beyond] = place
            tokens[place], tokens[taken], after[place] = merged_id, _NONE, beyond
        return grown
