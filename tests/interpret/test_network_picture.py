"""The picture of a network shows its strongest edges, and is whole by itself."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from practicum.errors import ModelError
from practicum.interpret.dense import trace
from practicum.interpret.importance import importance
from practicum.interpret.network_layout import figure, laid_out
from practicum.interpret.network_picture import activity, as_arrays, importance_picture
from practicum.interpret.shapes import Drawing, Text, svg
from practicum.models.build import build
from practicum.models.perceptron import Perceptron, PerceptronModel
from practicum.objectives.squares import SummedSquares

DIGITS = tuple("0123456789")
X = torch.rand(3, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def model() -> PerceptronModel:
    return build(Perceptron(widths=(64, 16, 16, 10)), seed=0)


def test_edges_are_the_strongest_products_and_their_sign_is_the_weights(model: PerceptronModel):
    layers = trace(model, X)
    picture = activity(layers, 1, title="a digit", side=8, labels=DIGITS, edges=90)
    assert [column.total for column in picture.columns] == [64, 16, 16, 10]
    assert [len(column.units) for column in picture.columns] == [16, 16, 16, 10]
    for number, layer in enumerate(layers):
        products = layer.weight * layer.before[1]
        edges = [edge for edge in picture.edges if edge.column == number]
        assert len(edges) == 30
        assert all(e.strength == float(products[e.end, e.start]) for e in edges)
        assert all((e.strength > 0) == (float(layer.weight[e.end, e.start]) > 0) for e in edges)
        shown = products[:, list(picture.columns[number].units)].abs().flatten()
        assert min(abs(e.strength) for e in edges) == float(shown.sort(descending=True).values[29])
    assert picture.columns[-1].chosen == int(layers[-1].after[1].argmax())
    assert picture.columns[-1].values == tuple(layers[-1].after[1].tolist())
    np.testing.assert_allclose(picture.image, X[1].reshape(8, 8).numpy())


def test_svg_is_a_document_of_its_own(model: PerceptronModel):
    picture = activity(trace(model, X), title="7 <or> 1 & more", side=8, labels=DIGITS)
    text = svg(laid_out(picture))
    root = ET.fromstring(text)
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert tags.count("circle") == 16 + 16 + 16 + 10
    assert tags.count("line") == len(picture.edges)
    assert tags.count("rect") == 1 + 64
    for outside in ("href", "script", "<style", "url("):
        assert outside not in text
    assert text == svg(laid_out(picture))


def test_everything_lies_within_the_drawing(model: PerceptronModel):
    drawing = laid_out(activity(trace(model, X), title="", side=8, labels=DIGITS))
    for shape in drawing.shapes:
        if hasattr(shape, "x"):
            assert 0 <= shape.x <= drawing.width  # type: ignore[union-attr]
            assert 0 <= shape.y <= drawing.height  # type: ignore[union-attr]


def test_a_sheet_of_pictures_can_be_painted(model: PerceptronModel):
    layers = trace(model, X)
    pictures = [activity(layers, i, title=f"{i}", side=8, labels=DIGITS) for i in range(3)]
    sheet = figure(pictures, columns=2)
    canvas = FigureCanvasAgg(sheet)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 50


def test_importance_is_drawn_with_the_same_columns(model: PerceptronModel):
    examples = [(row.numpy(), 3) for row in X]
    found = importance(model, SummedSquares(), examples, batch=3, seed=0)
    picture = importance_picture(found, model, title="what matters", labels=DIGITS)
    assert [column.total for column in picture.columns] == [64, 16, 16, 10]
    edge = max((e for e in picture.edges if e.column == 2), key=lambda e: abs(e.strength))
    slopes = found.slopes["layers.2.weight"]
    assert edge.strength == -float(slopes[edge.end, edge.start])
    assert abs(edge.strength) == float(slopes.abs().max())
    assert max(picture.columns[1].values) == pytest.approx(1)


def test_numbers_go_out_as_json(model: PerceptronModel):
    picture = activity(trace(model, X), title="", side=8)
    assert json.loads(json.dumps(picture.to_json()))["columns"][3]["total"] == 10
    arrays = json.loads(json.dumps(as_arrays(model, model.activations, side=8)))
    a = X[0].double().numpy()
    for layer in arrays["layers"]:
        a = 1 / (1 + np.exp(-(np.array(layer["weights"]) @ a + np.array(layer["biases"]))))
    np.testing.assert_allclose(a, model(X)[0].detach().numpy(), atol=1e-6)
    with pytest.raises(ModelError, match="as many activations"):
        as_arrays(model, ["sigmoid"])


def test_text_cannot_break_out_of_the_svg():
    shape = Text(x=1, y=1, text="</text><script>", size=9, colour="black")
    drawing = Drawing(width=9, height=9, ground="white", shapes=(shape,), title="<&>")
    assert "<script>" not in svg(drawing)
    ET.fromstring(svg(drawing))
