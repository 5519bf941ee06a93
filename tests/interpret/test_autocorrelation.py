"""Moran's I against its double sum, and on pictures of which it is known."""

import numpy as np
import pytest

from practicum.errors import DataError
from practicum.interpret.autocorrelation import morans_i
from practicum.interpret.edges import edges


def double_sum(picture: np.ndarray) -> float:
    places = [(i, j) for i in range(picture.shape[0]) for j in range(picture.shape[1])]
    mean, total, pairs = picture.mean(), 0.0, 0
    for a in places:
        for b in places:
            if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1:
                total += (picture[a] - mean) * (picture[b] - mean)
                pairs += 1
    return picture.size / pairs * total / ((picture - mean) ** 2).sum()


@pytest.mark.parametrize("shape", [(8, 8), (3, 5)])
def test_it_equals_the_double_sum(shape: tuple[int, int]):
    picture = np.random.default_rng(0).normal(size=shape)
    assert morans_i(picture) == pytest.approx(double_sum(picture))
    assert morans_i(3 * picture + 1) == pytest.approx(double_sum(picture))


def test_noise_edges_and_chess_boards_lie_where_they_must():
    noise = np.random.default_rng(1).normal(size=(200, 8, 8))
    assert abs(np.mean([morans_i(each) for each in noise]) + 1 / 63) < 0.02
    assert min(morans_i(each) for each in edges(8)) > 0.7
    assert morans_i(np.indices((8, 8)).sum(0) % 2 * 1.0) == pytest.approx(-1)


def test_one_grey_value_has_none():
    with pytest.raises(DataError, match="one grey value"):
        morans_i(np.ones((4, 4)))
