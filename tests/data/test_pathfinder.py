"""Pathfinder: pictures whose answer is known, and cannot be seen from the dots alone."""

import numpy as np
import pytest
from scipy import ndimage

from practicum.data.pathfinder import Pathfinder
from practicum.errors import ConfigError, DataError


def dots(picture: np.ndarray) -> list[np.ndarray]:
    """Middles of the dots: the only places where ink fills a block of 3 × 3."""
    return list(np.argwhere(ndimage.binary_erosion(picture, np.ones((3, 3)))))


def test_pictures_are_signals_of_ink_with_two_dots():
    drawn = Pathfinder().draw(20, np.random.default_rng(0))
    for values, label in drawn:
        assert values.shape == (1024, 1)
        assert set(np.unique(values)) == {0.0, 1.0}
        assert label in (0, 1)
        assert len(dots(values.reshape(32, 32))) == 2
    assert 4 < sum(label for _, label in drawn) < 16


def test_dots_are_joined_exactly_where_the_class_says_so(monkeypatch):
    """Curves so far apart that ink spread by a pixel joins dashes, and no two curves."""
    monkeypatch.setattr("practicum.data.pathfinder.APART", 8.0)
    for values, label in Pathfinder(side=48, distractors=0).draw(30, np.random.default_rng(1)):
        picture = values.reshape(48, 48) > 0
        wide = ndimage.binary_dilation(picture, np.ones((3, 3)))
        curves, _ = ndimage.label(wide, np.ones((3, 3)))
        first, second = (curves[tuple(dot)] for dot in dots(picture))
        assert (first == second) == bool(label)


def test_distances_between_dots_tell_little():
    drawn = Pathfinder().draw(100, np.random.default_rng(2))
    far = np.array([np.linalg.norm(np.subtract(*dots(v.reshape(32, 32))[:2])) for v, _ in drawn])
    labels = np.array([label for _, label in drawn])
    best = max(
        max(((far > cut) == labels).mean(), ((far < cut) == labels).mean()) for cut in range(3, 40)
    )
    assert best < 0.75


def test_impossible_pictures_are_refused():
    with pytest.raises(ConfigError, match="side of at least 16"):
        Pathfinder(side=8, dashes=2)
    with pytest.raises(DataError, match="do not fit"):
        Pathfinder(side=16, dashes=3, distractors=30).draw(1, np.random.default_rng(0))
