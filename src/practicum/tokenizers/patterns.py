"""Split patterns: how text is cut into the pieces that merges never cross.

A pattern is written for the `regex` module, which knows Unicode classes. Most text is ASCII, where
stdlib `re` finds the same pieces about twice as fast with the classes spelled out, so the known
patterns carry that translation as well. In text that is only mostly ASCII, the stretches around
its other characters go through `regex` and the rest through `re`: the text is cut before spaces
that follow an ASCII letter, where every pattern here has a boundary whatever surrounds it.

`\\s` is Unicode White_Space in both, unlike stdlib's `\\s`, which includes U+001C–U+001F. What is a
letter or a digit depends on the version of Unicode that `regex` knows. It is ahead of tiktoken's,
which may split otherwise at new characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_letters

import regex

from practicum.errors import TokenizerError


@dataclass(frozen=True, kw_only=True)
class SplitPattern:
    """A regular expression whose matches, with the gaps between them, are the pieces of a text.

    `ascii` is its equal on ASCII text for stdlib `re`. It may be given only if the pattern matches
    every character and always has a boundary between an ASCII letter and a following space.
    """

    name: str
    unicode: str
    ascii: str | None = None

    def __post_init__(self) -> None:
        try:
            regex.compile(self.unicode)
        except regex.error as problem:
            raise TokenizerError(
                f"split pattern {self.name!r} is not a regular expression: {problem}"
            ) from problem

    def split(self, text: str) -> list[str]:
        """The pieces of `text`, in order; joined, they are the text."""
        if self.ascii is None:
            return list(_matches_and_gaps(_unicode(self.unicode), text))
        find = _ascii(self.ascii)
        if text.isascii():
            return find.findall(text)
        find_any = _unicode(self.unicode)
        pieces: list[str] = []
        for stretch in _stretches(text):
            pieces += (find if stretch.isascii() else find_any).findall(stretch)
        return pieces

    def blocks(self, text: str, size: int) -> Iterator[str]:
        """`text` in blocks of `size` characters or more, of which each is split as within `text`.

        Where the pattern is not known to have boundaries that can be told, it is one block.
        """
        start = 0
        while self.ascii is not None and len(text) - start >= 2 * size:
            cut = _CUT.search(text, start + size)
            if cut is None:
                break
            yield text[start : cut.start()]
            start = cut.start()
        yield text[start:]


@cache
def _unicode(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern)


@cache
def _ascii(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern, re.ASCII)


def _matches_and_gaps(pattern: "regex.Pattern[str]", text: str) -> Iterator[str]:
    stop = 0
    for match in pattern.finditer(text):
        if match.start() > stop:
            yield text[stop : match.start()]
        if match.group():
            yield match.group()
        stop = match.end()
    if stop < len(text):
        yield text[stop:]


_LETTERS = frozenset(ascii_letters)
# Runs of characters that are not ASCII, over gaps of up to 40: finer cuts cost more than they save.
_NOT_ASCII = re.compile(r"[^\x00-\x7f]++(?:[\x00-\x7f]{0,40}+[^\x00-\x7f]++)*+")
_CUT = re.compile(r"(?<=[A-Za-z]) ")


def _stretches(text: str) -> Iterator[str]:
    """`text` cut before spaces that follow an ASCII letter, around its non-ASCII characters."""
    start = 0
    while other := _NOT_ASCII.search(text, start):
        left = text.rfind(" ", start, other.start())
        while left > start and text[left - 1] not in _LETTERS:
            left = text.rfind(" ", start, left)
        if left > start:
            yield text[start:left]
            start = left
        cut = _CUT.search(text, other.end())
        right = cut.start() if cut else len(text)
        yield text[start:right]
        start = right
    if start < len(text):
        yield text[start:]


_SPACE = r" \t\n\r\x0b\x0c"
_SIGN = rf"[^{_SPACE}A-Za-z0-9]"

GPT2 = SplitPattern(
    name="gpt2",
    unicode=r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    # Letters first: they are the most frequent, and no contraction begins with one.
    ascii=rf" ?[A-Za-z]++|'(?:[stmd]|re|ve|ll)| ?[0-9]++| ?{_SIGN}++|[{_SPACE}]+(?![^{_SPACE}])"
    rf"|[{_SPACE}]+",
)
"""Radford et al. 2019, §2.2 and the released `encoder.py`."""


def _cl100k(name: str, digits: str) -> SplitPattern:
    return SplitPattern(
        name=name,
        unicode=r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        rf"{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ascii=r"'(?:[stmdSTMD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\nA-Za-z0-9]?+[A-Za-z]++|[0-9]"
        rf"{digits}| ?{_SIGN}++[\r\n]*+|[{_SPACE}]*[\r\n]+|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+",
    )


GPT4 = _cl100k("gpt4", "{1,3}")
"""OpenAI's `cl100k_base` as Llama 3 writes it: up to three digits together, signs keep newlines."""

CL100K = SplitPattern(
    name="cl100k",
    unicode=r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?![\s\S])|\s*[\r\n]|\s+(?!\S)|\s",
    ascii=r"'(?i:[sdmt]|ll|ve|re)|[^\r\nA-Za-z0-9]?+[A-Za-z]++|[0-9]{1,3}+"
    rf"| ?{_SIGN}++[\r\n]*+|[{_SPACE}]++\Z|[{_SPACE}]*[\r\n]|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]",
)
"""`cl100k_base` as tiktoken has it today.

It differs from `GPT4` in white space with a newline that ends a text: all of it is one
piece, where GPT4 ends a piece after the last newline. It is written here without tiktoken's
possessive quantifiers, since in a `tokenizer.json` `{1,3}+` means repeated repetition. No such file
is known to hold it, so that it is not among `KNOWN`.
"""

QWEN2 = _cl100k("qwen2", "")
"""`GPT4` with single digits (Qwen 2 and 2.5)."""

SMOL = SplitPattern(
    name="smol",
    unicode=r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
    ascii=rf" ?[A-Za-z]++|'(?:[stmd]|re|ve|ll)|[0-9]| ?{_SIGN}++|[{_SPACE}]+(?![^{_SPACE}0-9])"
    rf"|[{_SPACE}]+",
)
"""Digits split singly, then `GPT2` on what is between them (SmolLM, StarCoder).

As one expression: a digit ends a piece as the end of the text does, so that white space before it
stays whole, and no piece begins with a space and goes on with a digit.
"""

WHOLE = SplitPattern(name="whole", unicode=r"[\s\S]+")
"""No splitting: a text is one piece, and merges may cross anything (minbpe's basic tokenizer)."""

KNOWN = (GPT2, GPT4, QWEN2, SMOL)


def pattern_of(expression: str) -> SplitPattern:
    """The pattern above of this expression, with its fast path; else one of its own."""
    named = (one for one in (*KNOWN, CL100K, WHOLE) if one.unicode == expression)
    return next(named, None) or SplitPattern(name="custom", unicode=expression)
