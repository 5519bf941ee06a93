"""Selective copying: what lies in the noise is what is asked for, in its order."""

import numpy as np
import pytest

from practicum.data.selective_copying import NOISE, QUESTION, SPECIAL, SelectiveCopying
from practicum.errors import ConfigError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("spacing", ["random", "even"])
def test_the_answers_are_the_symbols_in_their_order(spacing, rng):
    task = SelectiveCopying(length=20, items=5, symbols=3, spacing=spacing)
    for ids, answers in task.draw(50, rng):
        assert len(ids) == task.row == 25
        body = ids[:20]
        assert body[body != NOISE].tolist() == answers.tolist()
        assert (ids[20:] == QUESTION).all()
        assert SPECIAL <= answers.min() <= answers.max() < task.vocab


def test_places_differ_from_row_to_row_unless_they_are_even(rng):
    def places(spacing):
        rows = SelectiveCopying(length=20, items=4, spacing=spacing).draw(50, rng)
        return {tuple(np.flatnonzero(row.ids[:20]).tolist()) for row in rows}

    assert len(places("random")) > 40
    assert places("even") == {(0, 5, 10, 15)}


def test_every_place_is_used_alike(rng):
    rows = SelectiveCopying(length=10, items=2).draw(5000, rng)
    used = np.mean([row.ids[:10] != NOISE for row in rows], axis=0)
    np.testing.assert_allclose(used, 0.2, atol=0.02)


def test_more_items_than_places_are_refused():
    with pytest.raises(ConfigError, match="5 items of 6 symbols at 4 places"):
        SelectiveCopying(length=4, items=5)
