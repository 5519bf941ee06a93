"""Memories with a question: what is asked for is there, once, and its answer is the right one."""

import numpy as np
import pytest

from practicum.data.retrieval import Retrieval
from practicum.errors import ConfigError

RNG = np.random.default_rng


@pytest.mark.parametrize("question", ["key", "place", "after"])
def test_the_answer_is_in_the_slot_that_the_question_means(question):
    task = Retrieval(question=question, slots=5, keys=9, values=4)
    for lookup in task.draw(200, RNG(0)):
        assert len(set(lookup.keys.tolist())) == 5
        assert lookup.keys.max() < 9
        assert lookup.values.max() < 4
        assert 0 <= lookup.asked < task.questions
        if question == "place":
            slot = lookup.asked
        else:
            slot = lookup.keys.tolist().index(lookup.asked)
        assert lookup.answer == lookup.values[(slot + (question == "after")) % 5]


def test_every_slot_is_asked_for_and_the_last_ones_successor_is_the_first():
    lookups = Retrieval(question="after", slots=3, keys=4, values=50).draw(100, RNG(1))
    assert {lookup.keys.tolist().index(lookup.asked) for lookup in lookups} == {0, 1, 2}
    last = next(lookup for lookup in lookups if lookup.asked == lookup.keys[2])
    assert last.answer == last.values[0]


def test_equal_generators_draw_alike():
    first, second = (Retrieval().draw(3, RNG(5)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.keys.tolist() == other.keys.tolist()
        assert one[2:] == other[2:]


def test_too_few_keys_are_said_in_one_line():
    with pytest.raises(ConfigError, match="16 slots, 8 keys"):
        Retrieval(keys=8)
