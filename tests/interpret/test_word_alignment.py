"""Weights of tokens become weights of words."""

import numpy as np
import pytest

from practicum.interpret.word_alignment import between_words, cut_tokens, cut_words
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()


def test_each_byte_belongs_to_the_word_it_stands_in():
    cut = cut_words("né  go", BYTES)
    assert cut.words == ("né", "go")
    assert cut.word == (0, 0, 0, None, None, 1, 1)


def test_a_token_that_begins_with_a_space_belongs_to_the_word_after_it():
    tokenizer = train_bpe(["go cat cat cat"] * 20, 260)
    cut = cut_words("go cat", tokenizer)
    assert [tokenizer.decode([one]) for one in cut.ids] == ["g", "o", " cat"]
    assert (cut.words, cut.word) == (("go", "cat"), (0, 0, 1))


def test_source_words_add_up_and_target_words_take_the_mean():
    source, target = cut_words("ab c", BYTES), cut_words("x yz", BYTES)
    weights = np.arange(16.0).reshape(4, 4)
    expected = [
        [0.0 + 1.0, 3.0],
        [np.mean([8.0 + 9.0, 12.0 + 13.0]), np.mean([11.0, 15.0])],
    ]
    np.testing.assert_allclose(between_words(weights, source, target), expected)


@pytest.mark.parametrize("text", ["a", "one two  three", "日本 語"])
def test_whatever_is_read_at_words_alone_stays_a_share(text):
    source = cut_words(text, BYTES)
    weights = source.parts.T[:1] / source.parts.T[:1].sum()  # one token, looking at one word
    target = cut_words("x", BYTES)
    assert between_words(weights, source, target).sum() == pytest.approx(1.0)


def test_tokens_may_stand_for_themselves():
    cut = cut_tokens("ab c", BYTES)
    assert cut.words == ("a", "b", " ", "c")
    np.testing.assert_array_equal(cut.parts, np.eye(4))
