"""The derivation sheet: every formula can be set, every number is there, none is too long."""

import re

import matplotlib.mathtext
import numpy as np
import pytest

from practicum.autograd.activations import IDENTITY, RELU, SIGMOID, TANH
from practicum.autograd.costs import SoftmaxCrossEntropy
from practicum.autograd.derivation import derivation_sheet
from practicum.autograd.layers import Layered
from practicum.errors import ConfigError

NETWORKS = {
    "1-1-1-1": Layered(widths=(1, 1, 1, 1), activations=(SIGMOID,) * 3),
    "3-2-2-1": Layered(widths=(3, 2, 2, 1), activations=(TANH, RELU, SIGMOID)),
    "2-3": Layered(widths=(2, 3), activations=(IDENTITY,), cost=SoftmaxCrossEntropy()),
}


def sheet(network: Layered) -> str:
    draw = np.random.default_rng(0)
    y = np.eye(network.widths[-1])[0]
    return derivation_sheet(
        network, draw.normal(size=network.size), draw.normal(size=network.widths[0]), y
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_every_formula_can_be_set(name):
    formulas = re.findall(r"\\\[ (.*?) \\\]", sheet(NETWORKS[name]))
    parser = matplotlib.mathtext.MathTextParser("path")
    for formula in formulas:
        parser.parse(f"${formula}$")
    assert len(formulas) > NETWORKS[name].size


def test_a_chain_has_each_partial_on_one_line_with_its_number():
    text, network = sheet(NETWORKS["1-1-1-1"]), NETWORKS["1-1-1-1"]
    draw = np.random.default_rng(0)
    vector, x = draw.normal(size=network.size), draw.normal(size=1)
    gradient = network.gradient_reference(vector, x, np.ones(1))
    for index, line in enumerate(re.findall(r"\\\[ \\frac.*", text)):
        digits = re.search(r"= (-?[\d.]+)( \\cdot 10\^\{(-?\d+)\})? \\\]$", line)
        assert digits is not None
        value = float(digits[1]) * 10 ** int(digits[3] or 0)
        assert value == pytest.approx(gradient[index], rel=1e-3)


def test_the_document_is_whole():
    text = sheet(NETWORKS["3-2-2-1"])
    assert text.startswith(r"\documentclass")
    assert text.count(r"\[") == text.count(r"\]") == 10 + 1 + 25 + 8
    assert text.rstrip().endswith(r"\end{document}")


def test_a_network_too_large_to_read_is_refused():
    with pytest.raises(ConfigError, match="64-16-16-10"):
        sheet(Layered(widths=(64, 16, 16, 10), activations=(SIGMOID,) * 3))
