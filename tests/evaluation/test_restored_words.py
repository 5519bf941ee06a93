"""Missing words named: all, some or none, each once and in their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import DataError
from practicum.evaluation.restored_words import common_words, restored_words


def test_words_count_once_and_in_their_order():
    missing = ["the was and with"]
    assert restored_words(["the was and with"], missing) == 1
    assert restored_words(["the and was with"], missing) == 3 / 4
    assert restored_words(["with with with and"], missing) == 1 / 4
    assert restored_words(["word god"], missing) == 0
    assert restored_words([""], missing) == 0


def test_texts_are_weighed_by_the_words_they_miss():
    assert restored_words(["a", ""], ["a", "b c d"]) == 1 / 4


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_common_words_are_symmetric_and_at_most_all(one, other):
    count = common_words(one, other)
    assert count == common_words(other, one) <= min(len(one), len(other))
    assert common_words(one, [*one, *other]) == len(one)


def test_nothing_missing_and_unequal_numbers_are_refused():
    with pytest.raises(DataError, match="no word is missing"):
        restored_words(["a b"], [""])
    with pytest.raises(DataError, match="2 answers and the missing words of 1 texts"):
        restored_words(["a", "b"], ["c"])
