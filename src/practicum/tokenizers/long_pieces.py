"""Joining long pieces without a heap, in linear time: the one cut whose neighbours all fit.

Byte-pair encoding joins, again and again, the pair of neighbours that comes first by (rank, place).
Two facts make it a search from left to right, with no state but the way so far:

1. What happens within a stretch whose borders no joining crosses is what happens to the stretch
   alone, step by step: the first of all pairs, where it lies in the stretch, is its first.
   So each prefix of the tokens of a text is the cut of its own text, and each two neighbours
   *fit*: alone, their joined texts are cut into these two.
2. Tokens that fit their neighbours, the first of which is cut into itself, are the cut of their
   text. Else some joining would be the first to cross a border between two of them. No other border
   has been crossed by then, so by 1 it would happen to the two alone, which fit.

By 2 a text has exactly one such row of tokens, so that at each place that fitting tokens lead to,
the last of them is known. The longest token is tried first; a place from which no token leads to
the end is left for good, so that every place is entered once. Whether two tokens fit is found by
letting both arise side by side: the pair at the border never may come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

_REMEMBERED = 1 << 19  # choices of a token that are kept
_NEVER = float("inf")
_FEW = 5  # characters that are looked up one by one


class LongPieces:
    """Cuts texts into the tokens of `codes`, which has one for every single character, too.

    Two neighbours are joined in the order of `ranks`, where their codes stand one after the other.
    """

    def __init__(self, codes: Mapping[str, str], ranks: Mapping[str, float]) -> None:
        self._codes = codes
        self._ranks = ranks
        # (token before, longest token at a place) → the longest that fits, "" where none does.
        self._choices: dict[tuple[str, str], str] = {}
        self._histories: dict[str, _History | None] = {}
        known = {token: token for token in codes}
        self._longest = max(map(len, known), default=1)
        # Every beginning of a token, with the longest token that it begins with.
        self._begins: dict[str, str] = {}
        # The longest token that a token begins with, itself apart; "" where there is none.
        self._shorter: dict[str, str] = {}
        for token in sorted(known, key=len):
            longest = token[0]
            for stop in range(1, len(token)):
                begin = token[:stop]
                longest = self._begins.setdefault(begin, known.get(begin, longest))
            self._begins[token] = token
            self._shorter[token] = longest if len(token) > 1 else ""

    def cut(self, text: str) -> list[str]:
        """The codes of the tokens of `text`; a character without one stands for itself."""
        begins, choices, codes, size = self._begins, self._choices, self._codes, len(text)
        left_for_good = bytearray(size + 1)
        tokens: list[str] = []
        previous, at = "", 0
        while at < size:
            stop = at + 1
            token = text[at:stop]
            while (longer := begins.get(text[at:stop])) is not None:
                token = longer
                stop += 1
                if stop > size:
                    break
                if stop - at == _FEW:
                    token = self._reach(text, at)
                    break
            choice = choices.get((previous, token))
            token = self._choice(previous, token) if choice is None else choice
            while not token or left_for_good[at + len(token)]:
                if not token:
                    left_for_good[at] = 1
                    token = tokens.pop()
                    at -= len(token)
                    previous = tokens[-1] if tokens else ""
                shorter = self._shorter.get(token, "")
                choice = choices.get((previous, shorter))
                token = self._choice(previous, shorter) if choice is None else choice
            tokens.append(token)
            previous = token
            at += len(token)
        return [codes.get(token, token) for token in tokens]

    def _reach(self, text: str, at: int) -> str:
        """The longest token where more than a few characters begin one, found by halving."""
        begins, token = self._begins, ""
        begun, ended = 0, min(self._longest, len(text) - at) + 1
        while ended - begun > 1:
            middle = (begun + ended) // 2
            longer = begins.get(text[at : at + middle])
            if longer is None:
                ended = middle
            else:
                token, begun = longer, middle
        return token

    def _choice(self, previous: str, longest: str) -> str:
        """The longest token that `longest` begins with, and that fits `previous`."""
        token = longest
        while token and not self._fit(previous, token):
            token = self._shorter.get(token, "")
        if len(self._choices) >= _REMEMBERED:
            self._choices.clear()
        self._choices[previous, longest] = token
        return token

    def _fit(self, left: str, right: str) -> bool:
        """Whether the joined texts of two tokens are cut into the two; of "" and one, into it."""
        after = self._history(right)
        before = self._history(left) if left else None
        if after is None or before is None:
            return after is not None and not left
        rank_of, i, j = self._ranks.get, 0, 0
        while True:
            left_next, right_next = before.ranks[i], after.ranks[j]
            border = rank_of(before.lasts[i] + after.firsts[j], _NEVER)
            if border < left_next and border <= right_next:  # of equal ones the leftmost is first
                return False
            if left_next == right_next == _NEVER:
                return True
            if left_next <= right_next:
                i += 1
            else:
                j += 1

    def _history(self, token: str) -> "_History | None":
        """How a token arises; None where its text is cut into others."""
        try:
            return self._histories[token]
        except KeyError:
            history = self._histories[token] = self._made(token)
            return history

    def _made(self, text: str) -> "_History | None":
        codes, rank_of, parts = self._codes, self._ranks.get, list(text)
        history = _History(ranks=[], firsts=[], lasts=[])
        while True:
            coded = [codes.get(part, part) for part in parts]
            history.firsts.append(coded[0])
            history.lasts.append(coded[-1])
            ranks = [rank_of(left + right, _NEVER) for left, right in pairwise(coded)]
            lowest = min(ranks, default=_NEVER)
            history.ranks.append(lowest)
            if lowest == _NEVER:
                return history if len(parts) == 1 else None
            at = ranks.index(lowest)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]


@dataclass(frozen=True, kw_only=True)
class _History:
    """The steps by which a token arises: their ranks, and the codes of its outer parts before."""

    ranks: list[float]  # `_NEVER` is the last
    firsts: list[str]
    lasts: list[str]
