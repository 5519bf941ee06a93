"""A scene says the same as SVG and as pixels."""

from xml.etree import ElementTree

import numpy as np
import pytest

from practicum.rl.scene import (
    Disc,
    Line,
    Photo,
    Polygon,
    Scene,
    Text,
    beside,
    moved,
    rectangle,
    to_image,
    to_svg,
)

RED, BLUE = "#FF0000", "#0000FF"
SHAPES = {
    "polygon": Polygon(corners=((10, 10), (30, 10), (30, 30), (10, 30)), fill=RED),
    "line": Line(points=((20, 5), (20, 35)), colour=RED, width=12),
    "disc": Disc(centre=(20, 20), radius=9, fill=RED),
    "text": Text(at=(20, 20), text="█", size=30, colour=RED, anchor="middle"),
    "photo": Photo(pixels=np.full((10, 10, 3), (255, 0, 0), np.uint8), at=(15, 15)),
}
NAMES = {"polygon": "polygon", "line": "polyline", "disc": "circle", "text": "text"}


def scene(*shapes):
    return Scene(width=40, height=40, shapes=shapes, ground=BLUE)


@pytest.mark.parametrize("kind", SHAPES)
def test_every_shape_is_where_it_says(kind):
    pixels = np.asarray(to_image(scene(SHAPES[kind])))
    assert pixels.shape == (40, 40, 3)
    assert pixels[20, 20].tolist() == pytest.approx([255, 0, 0], abs=5)
    assert pixels[1, 1].tolist() == [0, 0, 255]
    there = np.asarray(to_image(scene(moved(SHAPES[kind], 12, -9))))
    assert there[11, 32].tolist() == pytest.approx([255, 0, 0], abs=5)


@pytest.mark.parametrize("kind", SHAPES)
def test_every_shape_is_an_element_of_svg(kind):
    root = ElementTree.fromstring(to_svg(scene(SHAPES[kind])))
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names == ["rect", NAMES.get(kind, "image")]


def test_words_cannot_break_the_document():
    root = ElementTree.fromstring(to_svg(scene(Text(at=(0, 0), text="<a> & 'b'"))))
    assert root[1].text == "<a> & 'b'"


def test_scenes_stand_beside_each_other():
    small = Scene(width=10, height=20, shapes=(), ground=RED)
    row = beside([small, scene(rectangle(0, 0, 40, 40, RED)), small], gap=4)
    assert (row.width, row.height) == (10 + 4 + 40 + 4 + 10, 40)
    pixels = np.asarray(to_image(row))
    columns = [(pixels[10, x] == (255, 0, 0)).all() for x in (5, 12, 30, 56, 63)]
    assert columns == [True, False, True, False, True]


def test_rows_that_would_be_too_wide_go_on_below():
    grid = beside([scene(), scene(), scene()], gap=4, widest=90)
    assert (grid.width, grid.height) == (40 + 4 + 40, 40 + 4 + 40)
    pixels = np.asarray(to_image(grid))
    assert [(pixels[60, x] == (0, 0, 255)).all() for x in (20, 60)] == [True, False]
