"""Words given back: all, some, none, and never for copying what was there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import DataError
from practicum.evaluation.restored_words import common_words, restored_words

WHOLE = "in the beginning was the word and the word was with god"
GAPPED = "in beginning was the word the word was god"  # three are missing


def test_the_whole_text_gives_back_all_and_the_gapped_one_nothing():
    assert restored_words([GAPPED], [WHOLE], [WHOLE]) == 1
    assert restored_words([GAPPED], [GAPPED], [WHOLE]) == 0
    assert restored_words([GAPPED], ["with the and"], [WHOLE]) == 0


def test_each_word_at_its_place_counts_once():
    answer = "in the beginning was the word the word was near with god"
    assert restored_words([GAPPED], [answer], [WHOLE]) == pytest.approx(2 / 3)


def test_words_lost_on_the_way_count_against_those_given_back():
    answer = "in the beginning was the word and the word"  # two are back, two are gone
    assert restored_words([GAPPED], [answer], [WHOLE]) == 0


def test_texts_are_weighed_by_the_words_they_miss():
    found = restored_words(["a", "b c"], ["a d", "b c"], ["a d", "b x c y z"])
    assert found == pytest.approx(1 / 4)


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_common_words_are_symmetric_and_at_most_all(one, other):
    count = common_words(one, other)
    assert count == common_words(other, one) <= min(len(one), len(other))
    assert common_words(one, [*one, *other]) == len(one)


def test_nothing_missing_and_unequal_numbers_are_refused():
    with pytest.raises(DataError, match="no word is missing"):
        restored_words(["a b"], ["a b"], ["a b"])
    with pytest.raises(DataError, match="1 gapped texts, 2 answers"):
        restored_words(["a"], ["a b", "c"], ["a b"])
