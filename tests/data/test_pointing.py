"""Rows of numbers and where to point."""

import numpy as np
import pytest

from practicum.data.pointing import Filled, Pointed, Pointing, filled
from practicum.errors import ConfigError

RNG = np.random.default_rng


def test_the_largest_and_the_rising_order_are_those_of_the_numbers():
    for row in Pointing().draw(50, RNG(0)):
        assert row.numbers[row.places[0]] == row.numbers.max()
        assert len(row.places) == 1
    for row in Pointing(order="rising").draw(50, RNG(0)):
        assert row.numbers[row.places].tolist() == sorted(row.numbers.tolist())


def test_rows_have_every_length_between_the_shortest_and_the_longest():
    rows = Pointing(shortest=3, longest=5).draw(60, RNG(0))
    assert {len(row.numbers) for row in rows} == {3, 4, 5}


def test_a_row_is_filled_up_or_cut_to_the_room_there_is():
    row = Pointed(np.array([0.5, -1.0, 2.0], np.float32), np.array([2]))
    assert filled(row, 4)[0].tolist() == [0.5, -1.0, 2.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    assert filled(row, 2)[0].tolist() == [0.5, -1.0, 1.0, 1.0]
    assert filled(row, 2)[1] == 2
    assert {len(x) for x, _ in Filled(task=Pointing()).draw(9, RNG(0))} == {20}


def test_an_impossible_length_is_said_in_one_line():
    with pytest.raises(ConfigError, match="5 to 4 numbers"):
        Pointing(longest=4)
