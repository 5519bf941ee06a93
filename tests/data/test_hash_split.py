"""An example's side depends on the example alone."""

import numpy as np
import pytest

from practicum.data.hash_split import hash_split, place
from practicum.errors import DataError

ROWS = np.random.default_rng(0).random((2000, 3))


def test_shares_are_met_about():
    sides = hash_split(ROWS, validation=0.1, test=0.2)
    sizes = [len(sides.train), len(sides.validation), len(sides.test)]
    assert sum(sizes) == 2000
    np.testing.assert_allclose(np.array(sizes) / 2000, [0.7, 0.1, 0.2], atol=0.03)


def test_every_example_is_on_one_side():
    sides = hash_split(ROWS)
    together = np.concatenate([sides.train, sides.validation, sides.test])
    assert sorted(together.tolist()) == list(range(2000))


def test_neither_order_nor_company_moves_an_example():
    test = {ROWS[i].tobytes() for i in hash_split(ROWS).test}
    some = ROWS[::-1][:500]
    assert {some[i].tobytes() for i in hash_split(some).test} == {
        row.tobytes() for row in some if row.tobytes() in test
    }


def test_equal_examples_never_stand_on_two_sides():
    sides = hash_split([*ROWS, *ROWS])
    for side in (sides.train, sides.validation, sides.test):
        assert len({int(i) % 2000 for i in side}) * 2 == len(side)


def test_texts_and_bytes_have_places_too():
    assert place("ä") == place("ä".encode())
    assert 0 <= place("") < 1


def test_a_side_that_would_be_empty_is_refused():
    with pytest.raises(DataError, match="2 examples leave a side"):
        hash_split(ROWS[:2])
    with pytest.raises(DataError, match="less than 1 together"):
        hash_split(ROWS, validation=0.5, test=0.5)
    assert len(hash_split(ROWS, validation=0).validation) == 0
