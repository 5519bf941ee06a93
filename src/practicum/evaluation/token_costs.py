"""What a tokenizer makes of text: bytes per token, tokens per word, and both for each script.

A token of n bytes costs each of its bytes 1/n of a token, so that scripts share what they share and
their costs add up to the number of tokens. A word of the whole text is what white space surrounds;
a word of a script is a run of its characters, where the script writes words apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
import regex
from jaxtyping import Float64, Int64

from practicum.tokenizers.tokenizer import Specials, Tokenizer

# The class of a character is the last of these that it is in: "３" is of no script, but a number.
SCRIPTS: Mapping[str, str] = {
    "signs": r"[\s\S]",  # punctuation, symbols, emoji and what has no name here
    "Latin": r"\p{Latin}",
    "Greek": r"\p{Greek}",
    "Cyrillic": r"\p{Cyrillic}",
    "Armenian": r"\p{Armenian}",
    "Georgian": r"\p{Georgian}",
    "Hebrew": r"\p{Hebrew}",
    "Arabic": r"\p{Arabic}",
    "Devanagari": r"\p{Devanagari}",
    "Bengali": r"\p{Bengali}",
    "Tamil": r"\p{Tamil}",
    "Thai": r"\p{Thai}",
    "Hangul": r"\p{Hangul}",
    "Han": r"\p{Han}",
    "Kana": r"[\p{Hiragana}\p{Katakana}ー]",
    "digits": r"\p{N}",
    "white space": r"\s",
}
WORDLESS = frozenset({"signs", "Thai", "Han", "Kana", "white space"})
_NAMES = tuple(SCRIPTS)
_INHERITED = regex.compile(r"\p{Inherited}")  # accents and vowel signs that any script may use


@dataclass(frozen=True, kw_only=True)
class Cost:
    """How much text there is, and how many tokens it takes."""

    bytes: int
    characters: int
    words: int  # 0 where a script does not write words apart
    tokens: float

    @property
    def bytes_per_token(self) -> float:
        """Compression; 0 where there is no text."""
        return self.bytes / self.tokens if self.tokens else 0.0

    @property
    def tokens_per_word(self) -> float | None:
        """Fertility (Rust et al. 2021); None where there are no words."""
        return self.tokens / self.words if self.words else None

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            bytes=self.bytes + other.bytes,
            characters=self.characters + other.characters,
            words=self.words + other.words,
            tokens=self.tokens + other.tokens,
        )


NOTHING = Cost(bytes=0, characters=0, words=0, tokens=0)


def bytes_per_token(tokenizer: Tokenizer, texts: Iterable[str]) -> float:
    """UTF-8 bytes of `texts` over the tokens they take; 0 where there is no text."""
    return total_cost(tokenizer, texts).bytes_per_token


def costs(
    tokenizer: Tokenizer, text: str, *, specials: Specials = False
) -> tuple[Cost, dict[str, Cost]]:
    """What all of `text` costs, and its characters by script, from encoding it once."""
    # First of all, since this refuses what is no text.
    _, offsets = tokenizer.encode_with_offsets(text, specials=specials)
    total = _total(text, len(offsets))
    return total, _script_costs(text, offsets) if text else {}


def total_cost(tokenizer: Tokenizer, texts: Iterable[str], *, specials: Specials = False) -> Cost:
    """What all `texts` cost together."""
    total = NOTHING
    for text in texts:
        total += _total(text, len(tokenizer.encode(text, specials=specials)))
    return total


def script_costs(
    tokenizer: Tokenizer, texts: Iterable[str], *, specials: Specials = False
) -> dict[str, Cost]:
    """What the characters of each script cost, for the scripts that occur, in a fixed order."""
    totals = dict.fromkeys(_NAMES, NOTHING)
    for text in texts:
        for name, cost in costs(tokenizer, text, specials=specials)[1].items():
            totals[name] += cost
    return {name: cost for name, cost in totals.items() if cost.characters}


def script_of(character: str) -> str:
    """The name in `SCRIPTS` of one character, taken alone."""
    return _NAMES[_class_of(ord(character))]


def _total(text: str, tokens: int) -> Cost:
    size, words = len(text.encode()), len(text.split())
    return Cost(bytes=size, characters=len(text), words=words, tokens=tokens)


def _script_costs(text: str, offsets: Sequence[tuple[int, int]]) -> dict[str, Cost]:
    """Everything is counted in arrays: texts may be megabytes."""
    scripts, lengths = _classes(text)
    share = _shares(offsets, int(lengths.sum()))
    counts = len(_NAMES)
    characters = np.bincount(scripts, minlength=counts)
    sizes = np.bincount(scripts, weights=lengths, minlength=counts)
    tokens = np.bincount(np.repeat(scripts, lengths), weights=share, minlength=counts)
    begins = np.append(True, scripts[1:] != scripts[:-1])[: len(scripts)]
    words = np.bincount(scripts[begins], minlength=counts)
    return {
        name: Cost(
            bytes=int(sizes[number]),
            characters=int(characters[number]),
            words=0 if name in WORDLESS else int(words[number]),
            tokens=float(tokens[number]),
        )
        for number, name in enumerate(_NAMES)
        if characters[number]
    }


def _shares(offsets: Sequence[tuple[int, int]], size: int) -> Float64[np.ndarray, " n"]:
    """For each byte of the text, how much of a token it takes."""
    spans = np.fromiter(chain.from_iterable(offsets), np.int64, 2 * len(offsets)).reshape(-1, 2)
    spans = spans[spans[:, 1] > spans[:, 0]]  # a token may stand for nothing, such as a prefix
    lengths = spans[:, 1] - spans[:, 0]
    covered = np.repeat(spans[:, 0] - np.cumsum(lengths) + lengths, lengths)
    covered += np.arange(len(covered))
    return np.bincount(covered, weights=np.repeat(1.0 / lengths, lengths), minlength=size)


def _classes(text: str) -> tuple[Int64[np.ndarray, " c"], Int64[np.ndarray, " c"]]:
    """For each character its class and its length in bytes."""
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    known, places = np.unique(points, return_inverse=True)
    scripts = np.array([_class_of(int(point)) for point in known], np.int64)[places]
    inherited = np.array([_inherits(int(point)) for point in known], bool)[places]
    if inherited.any():
        own = np.where(inherited, 0, np.arange(len(scripts)))
        scripts = scripts[np.maximum.accumulate(own)]
    lengths = 1 + (points > 0x7F) + (points > 0x7FF) + (points > 0xFFFF)
    return scripts, lengths.astype(np.int64)


@cache
def _inherits(point: int) -> bool:
    return bool(_INHERITED.fullmatch(chr(point)))


@cache
def _class_of(point: int) -> int:
    return max(n for n, each in enumerate(_COMPILED) if each.fullmatch(chr(point)))


_COMPILED = tuple(regex.compile(pattern) for pattern in SCRIPTS.values())
