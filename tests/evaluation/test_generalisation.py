"""Gaps and shifts measured where the answer is known beforehand."""

import numpy as np
import pytest

from practicum.errors import ConfigError, DataError
from practicum.evaluation.generalisation import generalisation, share_explained
from practicum.evaluation.shifts import Changed, ClassShares
from practicum.objectives.corruption import Moved, Noise

X = np.arange(12, dtype=np.float32).reshape(3, 4)
Y = np.array([0, 1, 1])


def test_what_knows_its_examples_by_heart_has_a_gap():
    known = {x.tobytes(): y for x, y in zip(X, Y, strict=True)}

    def measure(x, y):
        pairs = zip(x, y, strict=True)
        return float(np.mean([known.get(row.tobytes()) == label for row, label in pairs]))

    found = generalisation(measure, (X, Y), (X + 0.5, Y), {"noisy": SHIFT}, seed=0)
    assert (found.train, found.test, found.gap) == (1.0, 0.0, 1.0)
    assert found.losses == {"noisy": 0.0}


SHIFT = Changed(changes=(Noise(std=1.0),))


def test_a_shift_leaves_what_is_wanted_and_depends_on_the_seed():
    x, y = SHIFT(X, Y, seed=1)
    assert y.tolist() == Y.tolist()
    assert not np.array_equal(x, X)
    assert np.array_equal(x, SHIFT(X, Y, seed=1)[0])
    assert not np.array_equal(x, SHIFT(X, Y, seed=2)[0])


def test_several_changes_are_made_to_every_example():
    each = Changed(changes=tuple(Moved(moves=(move,)) for move in ((0, 0), (1, 0))))
    x, y = each(X, Y, seed=0)
    assert np.array_equal(x[:3], X)
    assert x[3].tolist() == [0, 0, 0, 2]
    assert y.tolist() == [0, 1, 1, 0, 1, 1]


def test_classes_get_their_shares():
    x, y = np.arange(2000, dtype=np.float32)[:, None], np.arange(2000) % 4
    _, drawn = ClassShares(shares=(0.1, 0.2, 0.7, 0.0))(x, y, seed=0)
    assert len(drawn) == 2000
    np.testing.assert_allclose(
        np.bincount(drawn, minlength=4) / 2000, [0.1, 0.2, 0.7, 0], atol=0.03
    )


def test_a_class_without_examples_cannot_have_a_share():
    with pytest.raises(DataError, match="no example of class 2"):
        ClassShares(shares=(0.0, 0.0, 1.0))(X, Y, seed=0)
    with pytest.raises(ConfigError, match="one for each class"):
        ClassShares(shares=(0.5, 0.6))
    with pytest.raises(ConfigError, match="one change or more"):
        Changed(changes=())


def test_explaining_is_counted_from_the_constant_answer():
    mean = X.mean(0)
    assert share_explained(X, X, mean) == 1
    assert share_explained(np.tile(mean, (3, 1)), X, mean) == 0
    assert share_explained(mean + (X - mean) / 2, X, mean) == pytest.approx(0.75)
