"""Undoing the artefacts of tokenised data sets, so that a model of raw text can read them.

A de-tokeniser may stand in a likelihood only if it can be inverted: then it moves no probability
between texts (Radford et al. 2019, §3.1, who gain 2.5 to 5 perplexity). `invertible` keeps that
promise sentence by sentence: one whose inverse does not give it back is left as it was (which of
the two was done is one bit per sentence, not charged here as it was not charged there).
"""

import re
from collections.abc import Callable

_SENTENCE_END = re.compile(r"(?<= [.?!] )|(?<=\n)")
_JOINED = re.compile(r" @([-,.])@ ")
_OPENING = re.compile(r"(?<!\S)([(\[]) ")
_CLOSING = re.compile(r" ([,.;:!?)\]%])(?!\S)")
_CLITIC = re.compile(r" ('(?:s|t|m|d|re|ve|ll)|n't)(?!\S)")


def wikitext(text: str) -> str:
    """WikiText's spacing undone: ` @-@ ` joins, punctuation touches its word, ` 's` its noun."""
    return invertible(_join, _split)(text)


def invertible(there: Callable[[str], str], back: Callable[[str], str]) -> Callable[[str], str]:
    """`there` on each sentence for which `back` returns the sentence; others as they are."""

    def change(text: str) -> str:
        sentences = [(sentence, there(sentence)) for sentence in _SENTENCE_END.split(text)]
        return "".join(new if back(new) == old else old for old, new in sentences)

    return change


def _join(sentence: str) -> str:
    sentence = _JOINED.sub(r"\1", sentence)
    sentence = _CLITIC.sub(r"\1", _CLOSING.sub(r"\1", sentence))
    return _OPENING.sub(r"\1", sentence)


def _split(sentence: str) -> str:
    sentence = re.sub(r"(?<=\w)-(?=\w)", " @-@ ", sentence)
    sentence = re.sub(r"(?<=\d)([,.])(?=\d)", r" @\1@ ", sentence)
    sentence = re.sub(r"(?<!\S)([(\[])(?=\S)", r"\1 ", sentence)
    while (split := re.sub(r"(?<=[^\s@])([,.;:!?)\]%])(?=\s|$)", r" \1", sentence)) != sentence:
        sentence = split
    return re.sub(r"(?<=\w)('(?:s|t|m|d|re|ve|ll)|n't)(?!\S)", r" \1", sentence)
