"""The tree of a chain: its numbers, its slopes, its picture."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from practicum.autograd.activations import SIGMOID, TANH
from practicum.autograd.layers import Layered
from practicum.autograd.number_lines import drawn, tree
from practicum.errors import ConfigError

CHAIN = Layered(widths=(1, 1, 1, 1), activations=(SIGMOID, TANH, SIGMOID))
VECTOR, X, Y = np.array([1.5, -0.5, 2.0, -1.0, 1.8, 0.3]), np.array([0.8]), np.array([1.0])


def test_the_tree_holds_every_number_once():
    lines = tree(CHAIN, VECTOR, X, Y, knob=0, by=0.1)
    names = [line.symbol for line in lines]
    assert len(set(names)) == len(names) == 2 + 4 * 3 + 1


@pytest.mark.parametrize("knob", range(6))
def test_the_slopes_along_the_way_up_multiply_to_the_partial(knob):
    lines = tree(CHAIN, VECTOR, X, Y, knob=knob, by=1e-6)
    place = CHAIN.place(knob)
    at = [line.symbol for line in lines].index(f"{place.kind}^{{({place.layer})}}")
    slopes, moved = [], lines[at].moved
    while at is not None:
        slopes.append(lines[at].slope)
        at = lines[at].into
    partial = CHAIN.gradient_reference(VECTOR, X, Y)[knob]
    assert math.prod(slopes) == pytest.approx(partial, rel=1e-12)
    assert lines[0].moved / moved == pytest.approx(partial, rel=1e-4)


def test_only_what_lies_above_the_knob_moves():
    lines = tree(CHAIN, VECTOR, X, Y, knob=2, by=0.5)  # w of layer 2
    moved = {line.symbol for line in lines if line.moved}
    assert moved == {"w^{(2)}", "z^{(2)}", "a^{(2)}", "z^{(3)}", "a^{(3)}", "C_0"}


def test_the_picture_has_a_second_dot_where_something_moved():
    lines = tree(CHAIN, VECTOR, X, Y, knob=0, by=0.5)
    picture = ET.fromstring(drawn(lines))
    dots = picture.findall("{http://www.w3.org/2000/svg}circle")
    assert len(dots) == len(lines) + sum(bool(line.moved) for line in lines)


def test_a_network_with_forks_is_no_tree():
    wide = Layered(widths=(1, 2, 1), activations=(SIGMOID,) * 2)
    with pytest.raises(ConfigError, match="1-2-1"):
        tree(wide, np.zeros(wide.size), X, Y, knob=0, by=0.1)
