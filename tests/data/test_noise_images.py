"""Noise is where it was asked for, and the same for the same seed."""

import numpy as np
import pytest

from practicum.data.images import images
from practicum.data.noise_images import beside_noise, noise_images
from practicum.errors import DataError


def test_pixels_are_uniform_within_the_range():
    noise = noise_images(500, 64, seed=0, low=-1.0, high=3.0)
    assert noise.shape == (500, 64)
    assert noise.min() >= -1
    assert noise.max() <= 3
    assert noise.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(noise, noise_images(500, 64, seed=0, low=-1.0, high=3.0))
    assert not np.array_equal(noise, noise_images(500, 64, seed=1, low=-1.0, high=3.0))


def test_no_images_are_refused():
    with pytest.raises(DataError, match="0 noise images"):
        noise_images(0, 64, seed=0)


def test_nothing_is_wanted_of_noise_beside_images():
    digits = images("digits").rows(np.arange(40))
    examples = beside_noise(digits, share=0.25, classes=10, seed=0)
    assert len(examples) == 50
    assert [int(wanted.argmax()) for _, wanted in examples[:40]] == digits.labels.tolist()
    assert sum(wanted.sum() for _, wanted in examples) == 40
    assert not any(wanted.any() for _, wanted in examples[40:])
