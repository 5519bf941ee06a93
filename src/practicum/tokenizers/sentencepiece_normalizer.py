"""How SentencePiece prepares a text: rules on characters, then spaces (`normalizer.cc`).

The rules, such as those of NFKC, are a trie over UTF-8 bytes, of which the longest match applies,
and the texts that it leads to. The trie is a double array (Yata's darts-clone), 32 bits a unit:

    label = unit & 0x800000FF,  offset = unit >> 10, times 256 if bit 9 is set,
    bit 8: a text ends here, and the unit at the offset holds its value

From the unit at n, byte b leads to that at n ^ offset ^ b if its label is b.
Text without rules stays as it is, but for the spaces.
"""

import re
from array import array
from collections.abc import Sequence
from sys import byteorder

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import one_of

SPACE = "▁"
"""U+2581, which stands for a space inside of pieces."""

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""What Unicode calls White_Space."""

_REMEMBERED = 1 << 16
_WHITE = re.compile(f"[{WHITE_SPACE}]")


class CharacterRules:
    """A precompiled map of characters: the length of the trie, the trie, texts ending in a zero."""

    def __init__(self, charsmap: bytes) -> None:
        size = int.from_bytes(charsmap[:4], "little")
        if len(charsmap) < 4 or not size or size % 4 or 4 + size > len(charsmap):
            raise TokenizerError("the rules of normalisation are truncated")
        self._units = array("I", charsmap[4 : 4 + size])
        if byteorder == "big":
            self._units.byteswap()
        self._texts = charsmap[4 + size :]
        self._short: dict[str, str] = {}

    def match(self, text: str, at: int) -> tuple[str, int]:
        """What the longest rule at `at` writes, and how many characters it takes.

        Where no rule applies that is the one character itself.
        """
        two = text[at : at + 2]
        if (known := self._short.get(two)) is not None:
            return known, 1
        written, taken, seen = self._walk(text, at)
        if len(two) == 2 and seen <= 2 and taken == 1:  # whatever comes after the two
            if len(self._short) >= _REMEMBERED:
                self._short.clear()
            self._short[two] = written
        return written, taken

    def _walk(self, text: str, at: int) -> tuple[str, int, int]:
        """What the longest rule writes and takes, and how many characters have been looked at."""
        units, node, value, taken, stop = self._units, _offset(self._units[0]), -1, 1, at
        try:
            while stop < len(text):
                unit = 0
                stop += 1
                for byte in text[stop - 1].encode():
                    node ^= byte
                    unit = units[node]
                    if unit & 0x800000FF != byte:
                        return self._text(value, text[at]), taken, stop - at
                    node ^= _offset(unit)
                if unit & 0x100:
                    value, taken = units[node] & 0x7FFFFFFF, stop - at
        except IndexError:
            raise TokenizerError("the rules of normalisation lead out of their trie") from None
        # The end of the text stopped the walk, so that a longer text might go on.
        return self._text(value, text[at]), taken, stop - at + 1

    def _text(self, value: int, otherwise: str) -> str:
        if value < 0:
            return otherwise
        return self._texts[value : self._texts.find(b"\0", value)].decode()


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


class Normalizer:
    """Text → what is cut into pieces, with ▁ for every space. `kept` texts escape the rules."""

    def __init__(
        self,
        charsmap: bytes,
        *,
        kept: Sequence[str],
        dummy_prefix: bool,
        remove_extra_spaces: bool,
        any_space: bool = False,
    ) -> None:
        self._rules = CharacterRules(charsmap) if charsmap else None
        self._prefix = SPACE if dummy_prefix else ""
        self._tidy = remove_extra_spaces
        self._kept = one_of(kept) if kept else None
        self._any_space = any_space
        self._simple = not (charsmap or any_space or any(" " in text for text in kept))

    def normalize(self, text: str, *, first: bool = True) -> str:
        """`text` prepared; only a `first` part of a text can get the dummy prefix."""
        if not self._simple:
            return self.aligned(text, first=first)[0]
        if self._tidy:
            text = re.sub(" {2,}", " ", text.lstrip(" "))
        if not text:
            return ""
        text = (self._prefix if first else "") + text.replace(" ", SPACE)
        return text.rstrip(SPACE) if self._tidy else text

    def aligned(self, text: str, *, first: bool = True) -> tuple[str, list[int]]:
        """`text` prepared, and the bytes of `text` where its characters, and its end, come from."""
        at, consumed = self._skipped(text)
        if at == len(text):
            return "", [consumed]
        parts = [self._prefix] if first else []
        starts = [consumed] * sum(map(len, parts))
        after_space = self._tidy
        while at < len(text):
            part, taken = self._next(text, at)
            part = part.lstrip(" ") if after_space else part
            if part:
                parts.append(part.replace(" ", SPACE))
                starts += [consumed] * len(part)
                after_space = self._tidy and part.endswith(" ")
            consumed += len(text[at : at + taken].encode())
            at += taken
        starts.append(consumed)
        whole = "".join(parts)
        if self._tidy:
            whole = whole.rstrip(SPACE)
        return whole, starts[: len(whole) + 1]

    def _skipped(self, text: str) -> tuple[int, int]:
        """Characters and bytes of the spaces in front that go."""
        at = consumed = 0
        while self._tidy and at < len(text):
            part, taken = self._next(text, at)
            if part != " ":
                break
            consumed += len(text[at : at + taken].encode())
            at += taken
        return at, consumed

    def _next(self, text: str, at: int) -> tuple[str, int]:
        if self._kept and (found := self._kept.match(text, at)):
            return found.group(), len(found.group())
        written, taken = self._rules.match(text, at) if self._rules else (text[at], 1)
        return _WHITE.sub(" ", written) if self._any_space else written, taken
