"""Induction: the answer stands behind the first of two marks."""

import numpy as np
import pytest

from practicum.data.induction import MARK, Induction
from practicum.errors import ConfigError


def test_the_answer_is_what_followed_the_mark():
    rng = np.random.default_rng(0)
    task = Induction(shortest=3, longest=20, vocab=9)
    lengths, before_the_end = set(), 0
    for _ in range(200):
        rows = task.draw(4, rng)
        (length,) = {len(row.ids) for row in rows}
        lengths.add(length)
        for ids, (answer,) in rows:
            first, last = np.flatnonzero(ids == MARK)
            assert last == length - 1
            assert ids[first + 1] == answer != MARK
            before_the_end += first == length - 3
    assert lengths == set(range(3, 21))
    assert before_the_end > 0


def test_rows_too_short_for_a_question_are_refused():
    with pytest.raises(ConfigError, match="rows of 2 to 64 tokens of 16"):
        Induction(shortest=2)
