"""Noise of gradients against its definition, summed number by number."""

import math

import numpy as np
import pytest

from practicum.autograd.noise_scale import (
    cosine,
    expected_cosine,
    mean_cosine,
    noise_scale,
    signal_to_noise,
)

GRADIENTS = np.random.default_rng(0).normal(0.3, 1.0, size=(7, 5))


def test_the_noise_scale_is_its_definition():
    mean = [sum(row[c] for row in GRADIENTS) / 7 for c in range(5)]
    covariance = np.cov(GRADIENTS.T, bias=True)
    expected = np.trace(covariance) / sum(m * m for m in mean)
    assert noise_scale(GRADIENTS) == pytest.approx(expected, rel=1e-12)
    assert signal_to_noise(GRADIENTS) == pytest.approx(1 / expected, rel=1e-12)


def test_equal_gradients_have_no_noise_and_cancelling_ones_no_signal():
    assert noise_scale(np.ones((3, 2))) == 0
    assert signal_to_noise(np.ones((3, 2))) == math.inf
    assert noise_scale(np.array([[1.0, 0.0], [-1.0, 0.0]])) == math.inf


def test_batches_point_along_the_whole_as_the_noise_scale_expects():
    draw = np.random.default_rng(1)
    many = draw.normal(0.2, 1.0, size=(4000, 300))
    whole, scale = many.mean(0), noise_scale(many)
    for batch in (3, 30, 300):
        found = [cosine(many[draw.integers(4000, size=batch)].mean(0), whole) for _ in range(50)]
        assert np.mean(found) == pytest.approx(expected_cosine(scale, batch), abs=0.02)


def test_cosines_of_simple_directions():
    x, y = np.array([1.0, 0.0]), np.array([0.0, 2.0])
    assert (cosine(x, 3 * x), cosine(x, -x), cosine(x, y)) == (1, -1, 0)
    assert math.isnan(cosine(x, 0 * x))


def test_the_mean_cosine_grows_with_the_batch_to_one():
    found = [
        mean_cosine(GRADIENTS, batch, 40, generator=np.random.default_rng(2)) for batch in (1, 3, 7)
    ]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(1)
    alone = np.mean([cosine(row, GRADIENTS.mean(0)) for row in GRADIENTS])
    many = mean_cosine(GRADIENTS, 1, 2000, generator=np.random.default_rng(3))
    assert many == pytest.approx(alone, abs=0.03)
