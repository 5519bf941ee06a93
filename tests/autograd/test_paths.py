"""The explicit sum over paths against the recursion, and what it says of itself."""

import math

import numpy as np
import pytest

from practicum.autograd.activations import RELU, SIGMOID, TANH
from practicum.autograd.layers import Layered
from practicum.autograd.paths import explain_partial, symbol
from practicum.errors import ConfigError

SMALL = Layered(widths=(3, 2, 2, 1), activations=(SIGMOID, TANH, SIGMOID))
WIDE = Layered(widths=(4, 5, 3, 4, 2), activations=(TANH, RELU, SIGMOID, TANH))


def example(network, seed=0):
    draw = np.random.default_rng(seed)
    y = draw.uniform(size=network.widths[-1])
    return draw.normal(size=network.size), draw.uniform(size=network.widths[0]), y


@pytest.mark.parametrize("network", [SMALL, WIDE])
def test_the_sum_over_paths_is_the_recursion_for_every_parameter(network):
    vector, x, y = example(network)
    gradient = network.gradient_reference(vector, x, y)
    for index in range(network.size):
        place = network.place(index)
        partial = explain_partial(network, vector, x, y, *place)
        assert partial.value == pytest.approx(gradient[index], rel=1e-12, abs=1e-17)
        assert len(partial.paths) == math.prod(network.widths[place.layer + 1 :])


def test_the_slope_of_an_activation_is_what_the_next_layer_passes_back():
    vector, x, y = example(SMALL)
    weights, _ = SMALL.split(vector)
    deltas, _ = SMALL.deltas(vector, x, y)
    for layer in range(3):
        expected = weights[layer].T @ deltas[layer]
        for k in range(SMALL.widths[layer]):
            found = explain_partial(SMALL, vector, x, y, "a", layer, k).value
            assert found == pytest.approx(expected[k], rel=1e-12)


def test_the_videos_chain_has_one_path_of_its_factors():
    chain = Layered(widths=(1, 1, 1, 1), activations=(SIGMOID,) * 3)
    vector, x, y = example(chain)
    partial = explain_partial(chain, vector, x, y, "w", 3, 0, 0)
    ((path),) = partial.paths
    assert [factor.symbol for factor in path.factors] == [
        "a^{(2)}",
        r"\sigma'(z^{(3)})",
        "2(a^{(3)} - y)",
    ]
    bias = explain_partial(chain, vector, x, y, "b", 3, 0).paths[0]
    assert bias.factors[0].value == 1.0  # the bias only swaps the first factor
    assert bias.factors[1:] == path.factors[1:]


def test_symbols_tell_indices_of_two_digits_apart():
    assert symbol(SMALL, "w", 2, 1, 0) == "w_{10}^{(2)}"
    wide = Layered(widths=(12, 1), activations=(SIGMOID,))
    assert symbol(wide, "w", 1, 0, 11) == "w_{0,11}^{(1)}"


def test_a_partial_prints_a_line_for_every_path_and_their_sum():
    lines = str(explain_partial(SMALL, *example(SMALL), "w", 1, 1, 2)).splitlines()
    assert len(lines) == 3
    assert lines[0].strip().startswith("1 → 0 → 0:")
    assert lines[-1].startswith("sum of 2 paths = ")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (("w", 0, 0, 0), "no layer 0"),
        (("w", 1, 2, 0), "no neuron 2"),
        (("w", 1, 0, 3), "no neuron 3"),
        (("w", 1, 0), "j and k"),
        (("b", 1, 0, 0), "j alone"),
    ],
)
def test_places_that_are_not_there_are_refused(place, says):
    with pytest.raises(ConfigError, match=says):
        explain_partial(SMALL, *example(SMALL), *place)


def test_too_many_paths_are_refused():
    large = Layered(widths=(2, 50, 50, 50), activations=(SIGMOID,) * 3)
    with pytest.raises(ConfigError, match="125,000 paths"):
        explain_partial(large, *example(large), "a", 0, 0)
