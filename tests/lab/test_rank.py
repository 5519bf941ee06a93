"""Ranks against values worked out by hand."""

import pytest

from practicum.errors import ConfigError
from practicum.lab.rank import ranks, spearman


def test_equal_values_share_their_mean_rank():
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]


def test_any_rising_sequence_correlates_perfectly():
    assert spearman([1, 2, 3, 4], [0.1, 0.2, 30.0, 31.0]) == pytest.approx(1.0)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)


def test_one_swap_of_four_costs_a_fifth():
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)


def test_without_variation_there_is_no_correlation():
    assert spearman([1, 2], [5, 5]) == 0.0


def test_unequal_lengths_are_refused():
    with pytest.raises(ConfigError, match="3 and 2 values"):
        spearman([1, 2, 3], [1, 2])
