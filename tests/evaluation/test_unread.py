"""Source words that nobody looked at."""

import numpy as np
import pytest

from practicum.errors import ConfigError
from practicum.evaluation.unread import coverage, unread

WEIGHTS = np.array([[0.9, 0.1, 0.0, 0.0, 0.0, 0.0], [0.0, 0.05, 0.0, 0.0, 0.95, 0.0]])


def test_coverage_adds_up_what_each_word_got():
    np.testing.assert_allclose(coverage(WEIGHTS), [0.9, 0.15, 0.0, 0.0, 0.95, 0.0])


def test_runs_of_words_below_the_least_are_found_at_both_ends_too():
    assert unread(WEIGHTS) == (range(1, 4), range(5, 6))
    assert unread(WEIGHTS, least=0.1) == (range(2, 4), range(5, 6))
    assert unread(WEIGHTS, words=2) == (range(1, 4),)
    assert unread(np.eye(3)) == ()
    assert unread(np.zeros((2, 3))) == (range(3),)


def test_a_coverage_of_nothing_is_no_threshold():
    with pytest.raises(ConfigError, match="a coverage of 0"):
        unread(WEIGHTS, least=0)
