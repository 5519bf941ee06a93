import math

import pytest

from practicum.errors import DataError
from practicum.evaluation.last_word import last_word, split_last_word

PASSAGES = ["she opened the door", "he closed the big window\n"]


def test_the_last_word_is_scored_whole_with_the_space_before_it(told):
    scorer = told(lambda context, text: 0.0 if text == " door" else -3.0)
    result = last_word(scorer, PASSAGES)
    assert scorer.pairs == [("she opened the", " door"), ("he closed the big", " window")]
    assert result.correct == (True, False)
    assert result.accuracy == 0.5
    assert result.perplexity == pytest.approx(math.exp(1.5))


def test_impossible_words_are_struck_out_before_the_best_is_taken(told):
    likelihoods = {" the": -1.0, " door": -2.0, " wall": -3.0, " window": -9.0}

    def answer(prompt, sampling):
        return [" the, and", " wall of", ' "door" he', " The"][sampling.seed % 4]

    scorer = told(lambda context, text: likelihoods.get(text, -20.0), answer)
    free = last_word(scorer, PASSAGES, impossible={"nothing"}, proposals=4)
    assert free.correct == (False, False)  # "the" is the likeliest
    barred = last_word(scorer, PASSAGES, impossible={"the"}, proposals=4)
    assert barred.correct == (True, False)
    assert scorer.samplings[0].temperature == 0.0


def test_a_passage_where_nothing_possible_is_proposed_is_wrong(told):
    scorer = told(answer=lambda prompt, sampling: " the")
    assert last_word(scorer, PASSAGES, impossible={"the"}).correct == (False, False)


def test_passages_too_short_or_missing_are_refused(told):
    with pytest.raises(DataError, match="'word' has no word before its last"):
        split_last_word("word")
    with pytest.raises(DataError, match="no passage"):
        last_word(told(), [])
