"""ListOps: expressions of the asked length, with their values."""

import numpy as np
import pytest

from practicum.data.list_ops import SYMBOLS, ListOps, one_hot, said, value
from practicum.errors import ConfigError, DataError


def ids(text: str) -> list[int]:
    return [SYMBOLS.index(word) for word in text.split()]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]", 5),
        ("[SM 9 9 3 ]", 1),
        ("[MED 1 2 ]", 1),
        ("[MED 1 4 ]", 2),
        ("[MIN [MAX 7 8 ] 9 ]", 8),
    ],
)
def test_values_are_those_of_the_definition(text: str, answer: int):
    assert value(ids(text)) == answer
    assert said(ids(text)) == text


def test_expressions_have_the_asked_lengths_and_every_answer_occurs():
    task = ListOps(shortest=20, longest=60)
    drawn = task.draw(400, np.random.default_rng(0))
    assert all(20 <= len(found) <= 60 for found, _ in drawn)
    assert all(value(found.tolist()) == answer for found, answer in drawn)
    assert len({answer for _, answer in drawn}) == 10


def test_the_published_lengths_are_drawn():
    lengths = [len(found) for found, _ in ListOps().draw(3, np.random.default_rng(0))]
    assert all(500 <= length <= 2000 for length in lengths)


def test_nesting_is_no_deeper_than_asked():
    for found, _ in ListOps(shortest=4, longest=200, depth=2).draw(50, np.random.default_rng(0)):
        depth = np.cumsum([int(10 <= x < 14) - int(x == 14) for x in found])
        assert depth.max() <= 2
        assert depth[-1] == 0


def test_an_expression_becomes_a_signal():
    rows = one_hot(np.array(ids("[MIN 3 7 ]")), 6)
    assert rows.argmax(1)[:4].tolist() == ids("[MIN 3 7 ]")
    assert rows.sum(1).tolist() == [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("text", ["[MIN ]", "3 4", "] 3", "[MAX 3"])
def test_what_is_no_expression_is_refused(text: str):
    with pytest.raises(DataError):
        value(ids(text))


def test_impossible_tasks_are_refused():
    with pytest.raises(ConfigError, match="4 ≤ shortest"):
        ListOps(shortest=3)
    with pytest.raises(DataError, match="allow other lengths"):
        ListOps(shortest=50, longest=60, depth=1).draw(1, np.random.default_rng(0))
