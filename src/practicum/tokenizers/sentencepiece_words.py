"""The words of text that SentencePiece has prepared, each with the ▁ before it, cut once.

Where no piece goes on with ▁ after something else, how a word is cut has nothing to do with the
others, and words recur. Where one does, a text is cut as a whole.
"""

import re
from collections.abc import Callable, Iterable

from practicum.tokenizers.sentencepiece_normalizer import SPACE

REMEMBERED = 1 << 17  # words whose cutting is kept
LONG = 64  # characters; longer words are not kept

Segments = list[tuple[int, int]]  # of each piece its id and how many characters it covers
_INSIDE = re.compile(f"[^{SPACE}]{SPACE}")
_WORDS = re.compile(rf"{SPACE}*[^{SPACE}]+|{SPACE}+")


class Words:
    """Cuts the words of a text by `cut`, for a vocabulary of these `pieces`."""

    def __init__(self, pieces: Iterable[str], cut: Callable[[str], Segments]) -> None:
        self._apart = not any(map(_INSIDE.search, pieces))
        self._cut = cut
        self._known: dict[str, Segments] = {}

    def segment(self, text: str) -> Segments:
        """The pieces of all words."""
        segments: Segments = []
        for word in _WORDS.findall(text) if self._apart else [text]:
            segments += self._known.get(word) or self._new(word)
        return segments

    def _new(self, word: str) -> Segments:
        segments = self._cut(word)
        if len(word) <= LONG:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[word] = segments
        return segments
