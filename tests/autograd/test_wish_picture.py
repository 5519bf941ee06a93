"""The pictures of wishes and nudges are well-formed and point the right way."""

from xml.etree import ElementTree as ET

import numpy as np

from practicum.autograd.activations import SIGMOID
from practicum.autograd.costs import one_hot
from practicum.autograd.layers import Layered
from practicum.autograd.nudges import per_sample_nudges, wishes
from practicum.autograd.wish_picture import DOWN, UP, nudge_strips, wish_picture

SVG = "{http://www.w3.org/2000/svg}"
NETWORK = Layered(widths=(9, 5, 4, 3), activations=(SIGMOID,) * 3)
DRAW = np.random.default_rng(0)
VECTOR, X = NETWORK.start(DRAW, "unit"), DRAW.uniform(size=(6, 9))
Y = one_hot(DRAW.integers(3, size=6), 3)


def test_every_neuron_has_an_arrow_in_the_direction_of_its_wish():
    picture = ET.fromstring(wish_picture(NETWORK, VECTOR, X[0], Y[0], edges=7))
    arrows = [path.get("stroke") for path in picture.findall(f"{SVG}path")]
    asked = [float(w) for layer in wishes(NETWORK, VECTOR, X[0], Y[0]) for w in layer.wish]
    assert arrows == [UP if wish > 0 else DOWN for wish in asked]
    assert len(picture.findall(f"{SVG}circle")) == 5 + 4 + 3
    assert len(picture.findall(f"{SVG}line")) == 2 * 7
    assert len(picture.findall(f"{SVG}rect")) == 1 + 9


def test_strips_show_the_named_rows_and_the_mean_of_all():
    nudges = per_sample_nudges(NETWORK, VECTOR, X, Y)
    picture = ET.fromstring(nudge_strips(NETWORK, nudges, ["first", "second"], most=10))
    cells = len(picture.findall(f"{SVG}rect")) - 1
    assert cells == 3 * (9 + 5 + 10 + 4 + 6 + 3)  # of 45 weights every fifth, of 20 every second
    names = [text.text for text in picture.findall(f"{SVG}text")]
    assert names[-3:] == ["first", "second", "mean"]
