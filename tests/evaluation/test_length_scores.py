"""Scores by length: what belongs to a range, short sentences, and words as others cut them."""

import pytest
from sacrebleu.metrics.bleu import BLEU

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError
from practicum.evaluation.length_scores import by_length, published_words
from practicum.tokenizers.bytes import ByteTokenizer

PAIRS = [
    TokenPair((1,) * length, tuple(range(10, 10 + length))) for length in (3, 4, 5, 6, 9, 9, 12)
]
RIGHT = [pair.target for pair in PAIRS]


def test_each_range_has_its_sentences_and_empty_ones_are_left_out():
    answers = [*RIGHT[:4], RIGHT[4][:-1], RIGHT[5], RIGHT[6]]
    scores = by_length(PAIRS, answers, [(3, 6), (7, 8), (9, 12)])
    assert [(s.shortest, s.longest, s.count) for s in scores] == [(3, 6, 4), (9, 12, 3)]
    assert [s.exact for s in scores] == [1.0, pytest.approx(2 / 3)]
    assert scores[0].bleu == pytest.approx(100.0)
    assert scores[1].bleu < 100


def test_sentences_too_short_for_four_words_in_a_row_have_a_score():
    (score,) = by_length(PAIRS[:1], RIGHT[:1], [(3, 3)])
    assert score.bleu == pytest.approx(100.0)


def test_words_are_those_of_sacrebleu():
    texts = [("In the beginning, God created.", "In the beginning God created heaven."),
             ("He said: 'Let it be' (1:3).", "And he said: 'Let there be' (1:3).")]  # fmt: skip
    tokenizer = ByteTokenizer()
    pairs = [TokenPair((1,) * 5, tuple(tokenizer.encode(right))) for _, right in texts]
    answers = [tokenizer.encode(said) for said, _ in texts]
    (score,) = by_length(pairs, answers, [(5, 5)], cut=published_words(tokenizer))
    theirs = BLEU(smooth_method="none").corpus_score(
        [said for said, _ in texts], [[right for _, right in texts]]
    )
    assert score.bleu == pytest.approx(theirs.score, abs=0.01)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="1 answers to 7 sentences"):
        by_length(PAIRS, RIGHT[:1], [(3, 6)])
    with pytest.raises(ConfigError, match="lengths from 6 to 3"):
        by_length(PAIRS, RIGHT, [(6, 3)])
