"""Recall at a distance."""

import numpy as np
import pytest

from practicum.data.distant_recall import MARK, QUESTION, SPECIAL, DistantRecall
from practicum.errors import ConfigError

TASK = DistantRecall(length=12, farthest=10, symbols=3, noise=2)


def test_the_answer_stands_behind_the_mark_and_nowhere_else():
    distances = set()
    for ids, answers in TASK.draw(200, np.random.default_rng(0)):
        (mark,) = np.flatnonzero(ids == MARK)
        symbols = np.flatnonzero((ids >= SPECIAL) & (ids < SPECIAL + TASK.symbols))
        assert symbols.tolist() == [mark + 1]
        assert answers.tolist() == [ids[mark + 1]]
        assert ids[-1] == QUESTION
        distances.add(len(ids) - 1 - (mark + 1))
    assert distances == set(range(1, 11))


def test_a_distance_can_be_asked_for_alone():
    for ids, answers in TASK.at(7).draw(20, np.random.default_rng(0)):
        assert ids[-1 - 7] == answers[0]
        assert ids.max() < TASK.vocab


@pytest.mark.parametrize("change", [{"nearest": 0}, {"farthest": 11}, {"symbols": 1}, {"noise": 0}])
def test_what_cannot_be_asked_is_refused(change):
    with pytest.raises(ConfigError, match="DistantRecall"):
        DistantRecall(**{"length": 12, "farthest": 10, **change})
