"""The wrong derivations are wrong exactly where they should be."""

import numpy as np
import pytest

from practicum.autograd.activations import SIGMOID
from practicum.autograd.costs import one_hot
from practicum.autograd.layers import Layered
from practicum.autograd.mistakes import strongest_path, swapped_indices, without_slope
from practicum.autograd.trials import errors_by_layer

DIGITS = Layered(widths=(64, 16, 16, 10), activations=(SIGMOID,) * 3)
DRAW = np.random.default_rng(0)
AT = DIGITS.start(DRAW, "scaled"), DRAW.uniform(size=(20, 64)), one_hot(np.arange(20) % 10, 10)
RIGHT = DIGITS.gradient(*AT)


def test_the_strongest_path_alone_is_right_in_the_last_layer_only():
    found = DIGITS.gradient(*AT, back=strongest_path)
    first, second, last = errors_by_layer(DIGITS, found, RIGHT)
    assert last == 0
    assert min(first, second) > 0.1


def test_with_one_neuron_a_layer_the_strongest_path_is_the_sum():
    chain = Layered(widths=(1, 1, 1), activations=(SIGMOID,) * 2)
    at = np.ones(4), np.ones((2, 1)), np.zeros((2, 1))
    np.testing.assert_array_equal(chain.gradient(*at, back=strongest_path), chain.gradient(*at))


def test_forgetting_the_slope_is_wrong_in_every_layer():
    found = without_slope(DIGITS).gradient(*AT)
    assert min(errors_by_layer(DIGITS, found, RIGHT)) > 0.3
    costs = [network.mean_cost(*AT) for network in (DIGITS, without_slope(DIGITS))]
    assert costs[0] == costs[1]


def test_swapping_to_and_from_does_not_fit_or_is_wrong():
    with pytest.raises(ValueError, match="mismatch"):
        DIGITS.gradient(*AT, back=lambda weight, delta: delta @ weight.T)
    first, second, last = errors_by_layer(DIGITS, DIGITS.gradient(*AT, back=swapped_indices), RIGHT)
    assert first > 0.3
    assert second == last == 0
