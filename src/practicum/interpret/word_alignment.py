"""From the weights of tokens to those of words, as people and other tools of alignment count them.

A word is what white space bounds. A source word has what its tokens got together; a target word has
the mean of what its tokens gave, so that its row still sums to 1 less what went to white space.
"""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from practicum.tokenizers.tokenizer import Tokenizer

_WORD = re.compile(rb"\S+")


@dataclass(frozen=True, kw_only=True)
class CutText:
    """The words of a text, and of each of its tokens the word that it is a part of."""

    words: tuple[str, ...]
    ids: tuple[int, ...]
    word: tuple[int | None, ...]  # None: white space

    @property
    def parts(self) -> Float[np.ndarray, "tokens words"]:
        """1 where a token is part of a word."""
        table = np.zeros((len(self.ids), len(self.words)))
        for token, word in enumerate(self.word):
            if word is not None:
                table[token, word] = 1.0
        return table


def cut_words(text: str, tokenizer: Tokenizer) -> CutText:
    """A token that reaches over several words belongs to that which it covers most of."""
    ids, offsets = tokenizer.encode_with_offsets(text)
    data = text.encode()
    spans = [match.span() for match in _WORD.finditer(data)]
    return CutText(
        words=tuple(data[start:stop].decode() for start, stop in spans),
        ids=tuple(ids),
        word=tuple(_word(span, spans) for span in offsets),
    )


def cut_tokens(text: str, tokenizer: Tokenizer) -> CutText:
    """Every token as a word of its own, for languages that write no space between words."""
    ids = tokenizer.encode(text)
    pieces = tuple(tokenizer.decode([one]) for one in ids)
    return CutText(words=pieces, ids=tuple(ids), word=tuple(range(len(ids))))


def between_words(
    weights: Float[np.ndarray, "t s"], source: CutText, target: CutText
) -> Float[np.ndarray, "target_words source_words"]:
    """The weights of words for words. A word that is no token's has a row of zeros."""
    given = target.parts.T @ weights @ source.parts
    return given / np.maximum(target.parts.sum(0), 1)[:, None]


def _word(token: tuple[int, int], words: list[tuple[int, int]]) -> int | None:
    covered = [min(token[1], stop) - max(token[0], start) for start, stop in words]
    most = max(covered, default=0)
    return covered.index(most) if most > 0 else None
