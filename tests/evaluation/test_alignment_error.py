"""Links, their format, and their error by the sets of the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.data.word_links import Link, Links, from_pharaoh, to_pharaoh
from practicum.errors import DataError
from practicum.evaluation.alignment_error import score_links, strongest

places = st.frozensets(st.builds(Link, st.integers(0, 30), st.integers(0, 30)), max_size=12)


def test_the_largest_weight_of_a_target_word_is_its_link():
    weights = np.array([[0.2, 0.7, 0.1], [0.5, 0.0, 0.5]])
    assert strongest(weights) == {Link(1, 0), Link(0, 1)}
    assert to_pharaoh(strongest(weights)) == "0-1 1-0"


def test_the_error_is_its_definition_over_all_sentences():
    gold = [from_pharaoh("0-0 1-1 1p2"), from_pharaoh("0-1")]
    found = [frozenset({Link(0, 0), Link(1, 2), Link(3, 3)}), frozenset({Link(0, 1)})]
    score = score_links(found, gold)
    assert score.error == pytest.approx(1 - (2 + 3) / (4 + 3))
    assert (score.precision, score.recall) == (3 / 4, 2 / 3)


@given(st.lists(st.tuples(places, places), min_size=1, max_size=4))
def test_what_was_found_has_no_error_against_itself_and_all_against_nothing_of_it(pairs):
    gold = [Links(sure=sure, possible=possible - sure) for sure, possible in pairs]
    assert score_links([one.sure for one in gold], gold).error == pytest.approx(0.0)
    far = [frozenset(Link(a + 100, b) for a, b in one.sure) for one in gold]
    if any(one.sure for one in gold):
        assert score_links(far, gold).error == pytest.approx(1.0)


def test_unequal_numbers_are_refused():
    with pytest.raises(DataError, match="links of 1 sentences and right ones of 0"):
        score_links([frozenset()], [])
