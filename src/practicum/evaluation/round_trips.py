"""Whether text comes back from its ids, and whether any ids at all can be decoded."""

from collections.abc import Iterable

import numpy as np

from practicum.seeding import derive
from practicum.tokenizers.tokenizer import Tokenizer

# What breaks tokenizers: emoji of several code points, accents that combine, text from right to
# left, every kind of white space and line end, contractions, digits, specials as plain text.
TRICKY = (
    *(" ", "  ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u3000", "\u2028", "\x1c", "\x85"),
    *("a", "the", " the", "THE", "'s", "'LL", "'ſ", "ʼn", "x1", "1234567", "½", "٣٤", "_", "=="),
    *("é", "e\u0301", "ǆ", "ß", "ﬁ", "한국어", "日本語", "עברית", "عَرَبِيّ", "हिन्दी", "ไทย"),
    *("👩‍👩‍👧", "🏳️‍🌈", "😉", "\u200d", "\ufeff", "\ufffd", "\0", "<|endoftext|>", "<0x41>", "▁"),
)
SCALARS = 0x110000 - 0x800  # code points that are no surrogates
RARE = 0.3  # of the parts of a text: a code point of any plane


def random_texts(count: int, *, seed: int, parts: int = 24) -> list[str]:
    """Texts of up to `parts` parts, tricky ones and any code points that UTF-8 can express."""
    generator = np.random.default_rng(derive(seed, "random texts"))
    return [_text(generator, int(generator.integers(parts + 1))) for _ in range(count)]


def _text(generator: np.random.Generator, parts: int) -> str:
    rare = generator.random(parts) < RARE
    points = generator.integers(SCALARS, size=parts)
    tricky = generator.integers(len(TRICKY), size=parts)
    return "".join(
        chr(point + 0x800 * (point >= 0xD800)) if any_plane else TRICKY[choice]
        for any_plane, point, choice in zip(rare, points.tolist(), tricky.tolist(), strict=True)
    )


def lost(tokenizer: Tokenizer, texts: Iterable[str]) -> int:
    """How many of `texts` are not what decoding their ids gives."""
    return sum(tokenizer.decode(tokenizer.encode(text)) != text for text in texts)


def decoded(tokenizer: Tokenizer, count: int, *, seed: int, longest: int = 32) -> int:
    """How many of `count` rows of random ids decode to a text; anything raised is raised."""
    generator = np.random.default_rng(derive(seed, "random ids"))
    rows = (
        generator.integers(tokenizer.size, size=generator.integers(longest + 1)).tolist()
        for _ in range(count)
    )
    return sum(isinstance(tokenizer.decode(row), str) for row in rows)
