"""Split patterns: the fast path finds the same pieces, and they are other people's pieces."""

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizer_kinds import patient
from tokenizers import Regex, pre_tokenizers

from practicum.errors import TokenizerError
from practicum.tokenizers.patterns import CL100K, GPT2, GPT4, KNOWN, QWEN2, SMOL, SplitPattern

ASCII = st.text(st.characters(max_codepoint=127))
CORNERS = st.text("aZsStTrReEvVlLmMdD059 '\"_-\n\r\t\x0b\x0c\x1c\x1d\x1e\x1f\x00\x7f")
MIXED = st.text("abLs 1'\n\t\r.ſéñ東ⅷ٣\x85\xa0\u2028\u3000’“\U0001f600\x1c")
WORDS = st.lists(
    st.sampled_from(["the ", "naïve ", "it's ", "“so” ", "12 ", "\n\n", "  ", "x" * 45, "東京 "])
).map("".join)
every = pytest.mark.parametrize("pattern", [*KNOWN, CL100K], ids=lambda pattern: pattern.name)


@every
@patient
@given(text=ASCII | CORNERS)
@example(text="it'S 'll'LL I'm  \x1c\x1d a\x1f1")
@example(text=" \r\n \n  x\t\ty")
def test_the_ascii_form_finds_the_same_pieces(pattern: SplitPattern, text: str) -> None:
    assert pattern.split(text) == regex.findall(pattern.unicode, text)


@every
@patient
@given(text=MIXED | WORDS | st.text())
@example(text="plain words here and " * 5 + "naïve" + " and many plain words after it" * 5)
def test_cutting_around_other_characters_changes_no_piece(pattern: SplitPattern, text: str) -> None:
    assert pattern.split(text) == regex.findall(pattern.unicode, text)


@every
@patient
@given(text=MIXED | st.text())
def test_pieces_joined_are_the_text(pattern: SplitPattern, text: str) -> None:
    assert "".join(pattern.split(text)) == text


@patient
@given(text=MIXED | CORNERS)
def test_smol_is_digits_alone_and_gpt2_between_them(text: str) -> None:
    between = [part for part in regex.split(r"(\p{N})", text) if part]
    assert SMOL.split(text) == [piece for part in between for piece in GPT2.split(part)]


def _theirs(pattern: SplitPattern) -> pre_tokenizers.PreTokenizer:
    if pattern in (GPT2, SMOL):
        gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
        digits = pre_tokenizers.Digits(individual_digits=True)
        return gpt2 if pattern == GPT2 else pre_tokenizers.Sequence([digits, gpt2])
    split = pre_tokenizers.Split(Regex(pattern.unicode), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([split, byte_level])


@every
@patient
@given(text=MIXED | CORNERS | WORDS)
def test_the_pieces_are_those_of_hugging_face(pattern: SplitPattern, text: str) -> None:
    places = [place for _, place in _theirs(pattern).pre_tokenize_str(text)]
    assert pattern.split(text) == [text[start:stop] for start, stop in places]


def test_the_patterns_differ_where_they_should() -> None:
    text = "We'LL see 12345  items!\n\nx"
    assert GPT2.split(text) == [
        *("We", "'", "LL", " see", " 12345", " ", " items", "!", "\n", "\n", "x")
    ]
    assert GPT4.split(text) == [
        *("We", "'LL", " see", " ", "123", "45", " ", " items", "!\n\n", "x")
    ]
    assert QWEN2.split("a 12") == ["a", " ", "1", "2"]
    assert SMOL.split("a  12") == ["a", "  ", "1", "2"]


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(TokenizerError, match="split pattern 'broken' is not a regular expression"):
        SplitPattern(name="broken", unicode="(")


def test_gaps_between_matches_are_pieces() -> None:
    assert SplitPattern(name="words", unicode=r"(\w)+|").split(" a b.") == [" ", "a", " ", "b", "."]


@every
@pytest.mark.parametrize("character", ["a", " ", "\n", "!", "'", "1", "é", "\u3000", "😀"])
@pytest.mark.timeout(20)
def test_a_long_run_of_one_character_takes_linear_time(
    pattern: SplitPattern, character: str
) -> None:
    run = character * 1_000_000
    assert "".join(pattern.split(run)) == run
