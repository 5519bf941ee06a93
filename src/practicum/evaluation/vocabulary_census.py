"""What kinds of tokens a vocabulary has: those that a split pattern is there to prevent.

Merges that may cross everything spend tokens on `dog.`, `dog!` and `dog?` and on whole phrases
(Radford et al. 2019, §2.2). Counted are tokens that are valid UTF-8; special tokens are left out.
"""

from collections.abc import Mapping

import regex

from practicum.tokenizers.tokenizer import Tokenizer

KINDS: Mapping[str, str] = {
    "letter_then_sign": r"\p{L}[^\s\p{L}\p{N}\p{M}]",  # "dog."
    "across_words": r"\S\s+\S",  # "of the", ") -> "
    "four_digits": r"\p{N}{4}",  # "1998"
}
_COMPILED = {name: regex.compile(pattern) for name, pattern in KINDS.items()}


def census(tokenizer: Tokenizer) -> dict[str, int]:
    """How many tokens hold what each of `KINDS` looks for, anywhere in them."""
    counts = dict.fromkeys(KINDS, 0)
    reserved = set(tokenizer.specials.values())
    for number, piece in enumerate(tokenizer.vocabulary()):
        text = None if number in reserved else text_of(piece)
        for name, pattern in _COMPILED.items():
            counts[name] += bool(text and pattern.search(text))
    return counts


def text_of(piece: bytes) -> str | None:
    """What a piece reads as by itself; None where it is a part of a character."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None
