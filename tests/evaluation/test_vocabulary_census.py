"""Kinds of tokens are told by their text."""

import pytest

from practicum.evaluation.vocabulary_census import census, text_of
from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.patterns import GPT2

NOTHING = {"letter_then_sign": 0, "across_words": 0, "four_digits": 0}


def having(*pieces: bytes) -> BPE:
    return BPE([*pieces, b"<|a. b|>"], [], pattern=GPT2, specials={"<|a. b|>": len(pieces)})


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        (b"dog.", "letter_then_sign"),
        (b" e,", "letter_then_sign"),
        ("é。".encode(), "letter_then_sign"),
        (b"of the", "across_words"),
        (b":\n    i", "across_words"),
        (b"1998", "four_digits"),
        (b"x12345", "four_digits"),
        (b" dog", ""),
        (b"'s", ""),
        (b"123", ""),
        (b"_ ", ""),
        (b"x\n", ""),
        (b"\n    ", ""),
        ("e\u0301".encode(), ""),
        (b".\xe5", ""),
        (b"a.\xe5", ""),  # a part of a character is no text
    ],
)
def test_a_token_is_of_a_kind(piece: bytes, kind: str):
    assert census(having(piece)) == {name: int(name == kind) for name in NOTHING}


def test_tokens_are_counted_once_and_special_ones_not():
    assert census(having(b"a. b. c.", b"a.b", b"x")) == NOTHING | {
        "letter_then_sign": 2,
        "across_words": 1,
    }


def test_a_part_of_a_character_has_no_text():
    assert text_of("é".encode()) == "é"
    assert text_of(b"\xc3") is None
