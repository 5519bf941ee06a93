"""Rows of bits: what is to be said was shown before, and only silent steps are scored."""

import numpy as np
import pytest

from practicum.data.bit_tasks import BitTask
from practicum.errors import ConfigError

RNG = np.random.default_rng


def test_a_copy_is_what_was_shown_before_the_end():
    for rows in BitTask(bits=3, shortest=4, longest=4).draw(5, RNG(0)):
        assert rows.inputs.shape == (9, 5)
        assert rows.scored.tolist() == [False] * 5 + [True] * 4
        assert (rows.wanted[5:] == rows.inputs[:4, :3]).all()
        assert rows.inputs[4].tolist() == [0, 0, 0, 0, 1]
        assert (rows.inputs[5:] == 0).all()


def test_what_is_recalled_is_the_item_after_the_one_asked_for():
    for rows in BitTask(task="recall", bits=6, shortest=4, longest=4).draw(20, RNG(0)):
        items = [rows.inputs[4 * n + 1 : 4 * n + 4, :6].tolist() for n in range(4)]
        assert rows.inputs[:16:4, 6].tolist() == [1.0] * 4
        assert rows.inputs[[16, 20], 7].tolist() == [1.0, 1.0]
        asked = items.index(rows.inputs[17:20, :6].tolist())
        assert rows.wanted[rows.scored].tolist() == items[asked + 1]
        assert rows.scored.sum() == 3


def test_all_of_one_draw_are_equally_long_and_draws_differ():
    lengths = set()
    for seed in range(12):
        drawn = {len(rows.inputs) for rows in BitTask(longest=5).draw(3, RNG(seed))}
        assert len(drawn) == 1
        lengths |= drawn
    assert len(lengths) > 2


def test_a_recall_of_one_item_is_refused():
    with pytest.raises(ConfigError, match="for recall 2 ≤ shortest"):
        BitTask(task="recall")
