"""The graph as a picture: everything said is on it, it is well formed, and it reads no files."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from practicum.autograd.arrays import Array
from practicum.autograd.drawing import dot, sketch
from practicum.autograd.scalar import Value, maximum
from practicum.autograd.sketch import Sketch, Words, text_width
from practicum.errors import ConfigError

SVG = "{http://www.w3.org/2000/svg}"


def neuron():
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.5, label="b")
    n = x * w + b
    n.label = "n"
    o = n.tanh()
    o.backward()
    return o


def words_of(picture):
    return [shape.text for shape in picture.shapes if isinstance(shape, Words)]


def test_boxes_say_label_data_and_grad_and_gates_stand_between():
    words = words_of(sketch(neuron()))
    for text in ("x", "data 2", "w", "data -3", "b", "n", "data 0.5", "*", "+", "tanh", "grad 1"):
        assert text in words
    assert words.count("data -6") == 1


def test_wires_have_green_data_above_and_red_gradients_below():
    x, y, z, w = (Value(v, label=n) for v, n in zip((3.0, -4.0, 2.0, -1.0), "xyzw", strict=True))
    f = 2 * (x * y + maximum(z, w))
    f.label = "f"
    f.backward()
    picture = sketch(f, manner="wires")
    words = [shape for shape in picture.shapes if isinstance(shape, Words)]
    greens = [word for word in words if word.colour == "#00703c"]
    reds = [word for word in words if word.colour == "#c02020"]
    assert {word.text for word in greens} == {"3", "-4", "2", "-1", "-12", "-10", "f = -20"}
    assert [word.text for word in reds].count("-8") == 1
    for green, red in zip(greens, reds, strict=True):
        assert green.at[0] == red.at[0]
        assert green.at[1] < red.at[1]


@pytest.mark.parametrize("manner", ["boxes", "wires"])
def test_no_two_words_overlap(manner):
    picture = sketch(neuron(), manner=manner)
    boxes = [
        (
            w.at[0] - text_width(w.text, w.size) / 2,
            w.at[0] + text_width(w.text, w.size) / 2,
            w.at[1],
        )
        for w in picture.shapes
        if isinstance(w, Words)
    ]
    for i, (left, right, y) in enumerate(boxes):
        assert left >= 0
        assert right <= picture.width
        for other_left, other_right, other_y in boxes[:i]:
            assert right <= other_left or other_right <= left or abs(y - other_y) >= 12


def test_svg_is_well_formed_whatever_the_labels_hold():
    a = Value(1.0, label='<a & "b">')
    root = a.exp()
    text = sketch(root, labels={root: "]]></svg>"}).svg()
    tree = ElementTree.fromstring(text)
    said = [element.text for element in tree.iter(f"{SVG}text")]
    assert '<a & "b">' in said
    assert "]]></svg>" in said
    assert float(tree.get("width")) > 0


def test_every_gradient_has_its_step_of_the_backward_pass():
    tree = ElementTree.fromstring(sketch(neuron()).svg())
    steps = [element.get("data-step") for element in tree.iter(f"{SVG}text")]
    assert sorted(int(step) for step in steps if step) == list(range(6))
    root = next(e for e in tree.iter(f"{SVG}text") if e.get("data-step") == "0")
    assert root.text == "grad 1"
    assert tree.find(f"{SVG}script") is not None
    assert ElementTree.fromstring(Sketch(width=1, height=1, shapes=()).svg()).find("script") is None


@pytest.mark.parametrize("manner", ["boxes", "wires"])
def test_the_figure_is_a_picture_of_the_same_size(manner):
    picture = sketch(neuron(), manner=manner)
    file = io.BytesIO()
    picture.figure().savefig(file, format="png", dpi=72)
    image = np.asarray(Image.open(file).convert("L"))
    assert image.shape == pytest.approx((picture.height, picture.width), abs=1)
    assert image.min() < 100, "something is drawn"


def test_dot_has_a_node_for_every_number_and_every_gate():
    text = dot(neuron())
    assert text.startswith("digraph {")
    assert '[shape=record, label="{ x | data 2 | grad' in text
    assert text.count("shape=record") == 6
    assert [text.count(f'label="{gate}"') for gate in ("*", "+", "tanh")] == [1, 1, 1]
    assert text.count("->") == 3 + 2 + 2 + 1
    assert "\\{\\|\\}" in dot(Value(1.0, label="{|}"))


def test_a_value_used_twice_has_two_wires():
    a = Value(3.0, label="a")
    assert dot(a + a).count("n0 -> n1_gate") == 2


def test_a_power_says_its_exponent():
    assert "**3" in words_of(sketch(Value(2.0) ** 3))


def test_arrays_say_their_shapes_and_the_length_of_their_gradients():
    w = Array(np.ones((2, 3)), label="W")
    loss = (w * 2).sum()
    loss.backward()
    words = words_of(sketch(loss))
    assert "data 2×3" in words
    assert f"grad ‖{(6 * 4) ** 0.5:.3g}‖" in words
    assert "data 12" in words


def test_what_cannot_be_read_is_not_drawn():
    x = Value(1.0)
    for _ in range(400):
        x = x.tanh()
    with pytest.raises(ConfigError, match="a graph of 401 numbers cannot be read; .* 400 or fewer"):
        sketch(x)
