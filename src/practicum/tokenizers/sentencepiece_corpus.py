"""What learning SentencePiece models of either kind begins and ends with.

Texts become words, with the spaces before them, and their counts; the characters in them become
pieces, but for the rarest (character coverage); what was learned becomes a model that loses nothing
but ▁: no rules, no spaces put in or taken away, and bytes for what no piece holds.
"""

import re
import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from practicum.errors import TokenizerError
from practicum.tokenizers.patterns import SplitPattern
from practicum.tokenizers.piece_counts import count_pieces
from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel, byte_text
from practicum.tokenizers.sentencepiece_normalizer import SPACE

_EXPRESSION = f"[ {SPACE}]*[^ {SPACE}]+|[ {SPACE}]+"
WORDS = SplitPattern(name="words", unicode=_EXPRESSION, ascii=_EXPRESSION)
"""Words with the spaces before them, which ▁ in a text is as well."""

_RESERVED = 3 + 256  # <unk>, <s>, </s> and the bytes


def spaced_words(texts: Iterable[str], *, workers: int = 1) -> Counter[str]:
    """How often each word occurs, ▁ standing for spaces. See `piece_counts` for `workers`."""
    words = Counter[str]()
    for word, count in count_pieces(texts, WORDS, workers=workers).items():
        try:
            word.encode()
        except UnicodeEncodeError as problem:
            raise TokenizerError(
                f"a text holds the lone surrogate U+{ord(word[problem.start]):04X}, which UTF-8 "
                "cannot express; read the file with errors='replace'"
            ) from problem
        words[word.replace(" ", SPACE)] += count
    return words


def covered(words: Mapping[str, int], coverage: float) -> tuple[dict[str, int], dict[str, int]]:
    """The words cut around uncovered characters, and the covered characters, with their counts.

    Covered are the most frequent characters (the first by code of equal ones), as many as it takes
    for them to make up a share of `coverage` of all that occur; 1 covers all. Others become bytes.
    """
    if not 0 < coverage <= 1:
        raise TokenizerError(f"a character coverage of {coverage}; it is a share, such as 0.9995")
    counts = Counter[str]()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    total, kept, so_far = sum(counts.values()), dict[str, int](), 0
    for character in sorted(counts, key=lambda character: (-counts[character], character)):
        if so_far >= coverage * total:
            break
        kept[character] = counts[character]
        so_far += counts[character]
    if len(kept) == len(counts):
        return dict(words), kept
    parts = Counter[str]()
    other = re.compile(f"[^{re.escape(''.join(kept))}]+")
    for word, count in words.items():
        for part in other.split(word):
            if part:
                parts[part] += count
    return dict(parts), kept


def room(vocab: int, characters: Mapping[str, int]) -> int:
    """How many pieces there can be beside the reserved ones: at least all characters."""
    fewest = max(len(characters), 1)
    if vocab - _RESERVED < fewest:
        raise TokenizerError(
            f"a vocabulary of {vocab} cannot hold 3 special ids, 256 bytes and the "
            f"{len(characters)} characters of the texts; ask for {_RESERVED + fewest}"
        )
    return vocab - _RESERVED


def lossless_model(scored: Sequence[tuple[str, float]], *, algorithm: str) -> SentencePieceModel:
    """The model of these pieces, in this order behind the reserved ones."""
    return SentencePieceModel(
        pieces=(
            Piece(text="<unk>", kind=Kind.UNKNOWN),
            Piece(text="<s>", kind=Kind.CONTROL),
            Piece(text="</s>", kind=Kind.CONTROL),
            *(Piece(text=byte_text(byte), kind=Kind.BYTE) for byte in range(256)),
            *(Piece(text=piece, score=_single(score)) for piece, score in scored),
        ),
        algorithm=algorithm,
        byte_fallback=True,
        dummy_prefix=False,
        remove_extra_spaces=False,
    )


def _single(score: float) -> float:
    """`score` to 32 bits."""
    return struct.unpack("<f", struct.pack("<f", score))[0]
