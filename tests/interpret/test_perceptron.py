"""Numbers and knobs of a perceptron against its equation; weights set by hand do what they say."""

import numpy as np
import pytest
import torch
from torch import nn

from practicum.errors import ConfigError, ModelError
from practicum.interpret.dense import rows, trace
from practicum.interpret.dense_checks import disagreement, strays
from practicum.interpret.edges import bar_detector, detecting, edge, edges, fires, horizontal_bars
from practicum.interpret.perceptron import explain, neuron_by_neuron, set_weights, weight_images
from practicum.models.build import build
from practicum.models.perceptron import Perceptron

IMAGES = np.random.default_rng(0).random((20, 64))


def test_three_implementations_agree():
    model = build(Perceptron(widths=(64, 16, 16, 10), start="unit"), seed=0, dtype=torch.float64)
    batched = model(rows(IMAGES, model)).detach().numpy()
    for image, together in zip(IMAGES, batched, strict=True):
        a = image
        for layer in model.layers:
            a = 1 / (1 + np.exp(-(layer.weight.detach().numpy() @ a + layer.bias.detach().numpy())))
        np.testing.assert_allclose(a, together, atol=1e-12)
        np.testing.assert_allclose(neuron_by_neuron(model, image)[-1], together, atol=1e-12)


def test_a_sum_explains_its_neuron():
    model = build(Perceptron(widths=(64, 16, 10), start="unit"), seed=0, dtype=torch.float64)
    for layer in trace(model, rows(IMAGES, model)):
        told = explain(layer, 3, example=7)
        assert sum(term.product for term in told.terms) + told.bias == pytest.approx(told.z)
        assert told.activation == pytest.approx(1 / (1 + np.exp(-told.z)))
        assert all(term.product == term.weight * term.activation for term in told.terms)
        sizes = [abs(term.product) for term in told.largest(5)]
        assert sizes == sorted((abs(term.product) for term in told.terms), reverse=True)[:5]
    with pytest.raises(ModelError, match="no neuron 10"):
        explain(trace(model, rows(IMAGES, model))[-1], 10)


def test_a_row_of_weights_is_one_neuron_and_one_picture():
    model = build(Perceptron(widths=(64, 16, 10)), seed=0)
    pictures = weight_images(model)
    assert pictures.shape == (16, 8, 8)
    assert pictures[3, 1, 2] == float(model.layers[0].weight[3, 8 + 2].detach())
    picture = np.arange(64.0).reshape(8, 8)
    others = [p.detach().clone() for p in model.parameters()]
    set_weights(model, 3, picture, bias=-2.0)
    np.testing.assert_array_equal(weight_images(model)[3], picture)
    assert float(model.layers[0].bias[3].detach()) == -2.0
    others[0][3], others[1][3] = torch.from_numpy(picture.reshape(-1)), -2.0
    for own, other in zip(model.parameters(), others, strict=True):
        torch.testing.assert_close(own.detach(), other, atol=0, rtol=0)


def test_a_moved_weight_moves_only_what_its_neuron_reaches():
    model = build(Perceptron(widths=(64, 16, 16, 10)), seed=0, dtype=torch.float64)
    x = rows(IMAGES[:1], model)
    before = trace(model, x)
    with torch.no_grad():
        model.layers[1].weight[4, 9] += 0.1
    after = trace(model, x)
    torch.testing.assert_close(before[0].z, after[0].z, atol=0, rtol=0)
    assert (before[1].z != after[1].z).flatten().nonzero().flatten().tolist() == [4]
    assert bool((before[2].z != after[2].z).all())


def test_knobs_that_are_not_there_are_refused():
    model = build(Perceptron(widths=(64, 16, 10)), seed=0)
    for neuron, picture, layer, why in (
        (16, IMAGES[0], 1, "no neuron 16"),
        (0, IMAGES[0][:9], 1, "has 64"),
        (0, IMAGES[0][:16], 3, "no layer 3"),
    ):
        with pytest.raises(ModelError, match=why):
            set_weights(model, neuron, picture, layer=layer)
    bare = nn.Sequential(nn.Linear(64, 10, bias=False))
    before = weight_images(bare)
    with pytest.raises(ModelError, match="no biases"):
        set_weights(bare, 0, IMAGES[0], bias=1.0)
    np.testing.assert_array_equal(weight_images(bare), before)
    with pytest.raises(ModelError, match="no square"):
        weight_images(nn.Sequential(nn.Linear(63, 10)))


@pytest.mark.parametrize(("side", "length"), [(8, 1), (8, 3), (8, 8), (28, 6)])
def test_a_bar_fires_its_detector_and_a_bright_picture_does_not(side: int, length: int):
    for bar in horizontal_bars(side, length):
        detector = bar_detector(bar)
        for brightness in (1.0, 0.6):
            on_bar = float((detector.weights * bar).sum()) * brightness + detector.bias
            assert on_bar > 0
        for brightness in (1.0, 0.5, 0.0):
            assert float(detector.weights.sum()) * brightness + detector.bias < 0


def test_without_its_surround_a_detector_fires_on_any_bright_picture():
    bar = horizontal_bars(8, 4)[11]
    blind = bar_detector(bar, surround=0.0)
    assert float(blind.weights.sum()) + blind.bias > 0


def test_a_bar_that_fills_the_picture_is_refused():
    with pytest.raises(ConfigError, match="64 of 64"):
        bar_detector(np.ones((8, 8), bool))


def test_an_edge_is_positive_on_one_side_and_negative_on_the_other():
    picture = edge(9, row=4, column=4, angle=0.0, width=1.5)
    np.testing.assert_allclose(picture, -picture[:, ::-1], atol=1e-6)
    assert picture[4, 5] > 0 > picture[4, 3]
    assert len({each.tobytes() for each in edges(8, 16)}) == 16
    assert 0.8 < float(np.abs(edges(8, 16)).max()) <= 1.0


def test_the_checks_of_a_network_find_nothing_and_leave_nothing_changed():
    model = build(Perceptron(widths=(64, 16, 16, 10)), seed=0, dtype=torch.float64)
    before = [p.detach().clone() for p in model.parameters()]
    assert disagreement(model, IMAGES) < 1e-12
    assert strays(model, IMAGES[:1]) == 0
    for own, other in zip(model.parameters(), before, strict=True):
        assert torch.equal(own.detach(), other)


def test_the_checks_find_a_network_that_is_not_its_equation():
    relu = build(Perceptron(widths=(64, 16, 10), activation="relu"), seed=0, dtype=torch.float64)
    assert disagreement(relu, IMAGES) > 1e-3
    assert strays(relu, IMAGES[:1]) > 0  # a neuron that is silent passes nothing on
    with torch.no_grad():
        relu.layers[1].weight.zero_()  # nothing of the first layer reaches the second
    assert strays(relu, IMAGES[:1]) >= 10


def test_the_images_that_fire_a_neuron_become_fewer_as_its_bias_falls():
    model = build(Perceptron(widths=(64, 16, 10)), seed=0)
    fired = fires(model, edges(8)[0], [10.0, 1.0, 0.0, -1.0, -10.0], IMAGES)
    assert not (fired[1:] & ~fired[:-1]).any()
    assert fired[0].all()
    assert not fired[-1].any()


def test_detectors_are_read_through_the_network_itself():
    model = build(Perceptron(widths=(64, 16, 10)), seed=0)
    seeing, blind = (detecting(model, 8, surround=surround) for surround in (-1.0, 0.0))
    assert seeing.bar > 0.5 > seeing.bright_high
    assert blind.bright_low > 0.5
