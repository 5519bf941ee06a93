"""Pictures as signals, with noise after them."""

import numpy as np
import pytest

from practicum.data.images import images
from practicum.data.signals import band_limited, padded_pictures
from practicum.errors import DataError


def test_a_picture_is_enlarged_and_read_row_by_row():
    pictures = images("digits").rows(np.arange(3))
    signals = padded_pictures(pictures, side=16, padding=10, seed=0)
    assert signals.values.shape == (3, 266, 1)
    large = signals.values[1, :256, 0].reshape(16, 16)
    small = 2 * pictures.pixels[1].reshape(8, 8) - 1
    for offset in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.testing.assert_allclose(large[offset[0] :: 2, offset[1] :: 2], small, rtol=1e-6)
    assert signals[1][1] == pictures.labels[1]


def test_noise_is_unit_and_less_of_it_is_the_beginning_of_more():
    pictures = images("digits").rows(np.arange(50))
    long, short = (padded_pictures(pictures, side=8, padding=n, seed=3) for n in (300, 20))
    np.testing.assert_array_equal(long.values[:, :84], short.values)
    noise = long.values[:, 64:]
    assert abs(noise.mean()) < 0.03
    assert noise.std() == pytest.approx(1, abs=0.02)
    other = padded_pictures(pictures, side=8, padding=20, seed=4)
    assert (other.values[:, 64:] != short.values[:, 64:]).all()


@pytest.mark.parametrize(("side", "padding"), [(12, 4), (4, 4), (16, -1)])
def test_what_cannot_be_enlarged_is_refused(side: int, padding: int):
    with pytest.raises(DataError, match="a multiple of 8"):
        padded_pictures(images("digits").rows(np.arange(2)), side=side, padding=padding, seed=0)


def test_a_limited_band_holds_what_it_says_and_nothing_else():
    signals = band_limited(200, 64, cycles=5, seed=1)
    power = np.abs(np.fft.rfft(signals)) ** 2
    assert power[:, 1:6].min(axis=1).max() > 1  # every one of the five is there
    np.testing.assert_allclose(power[:, [0, *range(6, 33)]], 0, atol=1e-20)
    assert signals.var() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(signals[:3], band_limited(200, 64, cycles=5, seed=1)[:3])
    assert (band_limited(1, 64, cycles=5, seed=2) != signals[:1]).any()


@pytest.mark.parametrize("cycles", [0, 32, 40])
def test_frequencies_that_steps_cannot_tell_apart_are_refused(cycles: int):
    with pytest.raises(DataError, match="less than half"):
        band_limited(1, 64, cycles=cycles, seed=0)
