"""Wishes and nudges: minus the gradient, in the proportions the story gives them."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, vmap

from practicum.autograd.activations import SIGMOID, TANH
from practicum.autograd.costs import one_hot
from practicum.autograd.layers import Layered
from practicum.autograd.nudges import joined, per_sample_nudges, pulls, top_knobs, wishes
from practicum.models.build import build
from practicum.models.perceptron import Perceptron

DIGITS = Layered(widths=(64, 16, 16, 10), activations=(SIGMOID,) * 3)
DRAW = np.random.default_rng(0)
VECTOR = DIGITS.start(DRAW, "scaled")
X, Y = DRAW.uniform(size=(20, 64)), one_hot(DRAW.integers(10, size=20), 10)


def test_the_nudges_of_every_example_are_torchs_per_sample_gradients():
    model = build(Perceptron(widths=(64, 16, 16, 10)), dtype=torch.float64)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(VECTOR.copy()), model.parameters())
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def cost(parameters, x, y):
        return ((functional_call(model, parameters, (x[None],))[0] - y) ** 2).sum()

    each = vmap(grad(cost), (None, 0, 0))(parameters, torch.from_numpy(X), torch.from_numpy(Y))
    theirs = torch.cat([part.flatten(1) for part in each.values()], 1).numpy()
    np.testing.assert_allclose(
        per_sample_nudges(DIGITS, VECTOR, X, Y), -theirs, rtol=1e-10, atol=1e-16
    )


def test_the_wishes_of_one_example_are_its_row():
    rows = per_sample_nudges(DIGITS, VECTOR, X, Y)
    for row, x, y in zip(rows, X, Y, strict=True):
        told = joined(wishes(DIGITS, VECTOR, x, y))
        np.testing.assert_allclose(told, row, rtol=1e-12, atol=1e-17)


def test_the_mean_of_the_nudges_is_the_step():
    mean = per_sample_nudges(DIGITS, VECTOR, X, Y).mean(0)
    np.testing.assert_allclose(mean, -DIGITS.gradient(VECTOR, X, Y), rtol=1e-11, atol=1e-16)


def test_the_right_output_is_wished_up_and_the_others_down_by_their_distance():
    a = DIGITS.trace(VECTOR, X[0]).a[-1]
    wish = wishes(DIGITS, VECTOR, X[0], Y[0])[-1].wish
    np.testing.assert_allclose(wish, 2 * (Y[0] - a))
    assert (wish > 0).tolist() == (Y[0] == 1).tolist()


def test_weights_are_nudged_in_proportion_to_the_brightness_they_come_from():
    asked, a = wishes(DIGITS, VECTOR, X[0], Y[0]), DIGITS.trace(VECTOR, X[0]).a
    for layer, w in enumerate(asked):
        ratios = w.weight / w.weight[:, :1]
        np.testing.assert_allclose(ratios, np.tile(a[layer] / a[layer][0], (len(ratios), 1)))


def test_what_all_outputs_want_of_a_neuron_is_their_sum_in_proportion_to_the_weights():
    last, before = wishes(DIGITS, VECTOR, X[0], Y[0])[:0:-1]
    weight = DIGITS.split(VECTOR)[0][-1]
    each = [weight[j] * last.wish[j] * last.slope[j] for j in range(10)]
    np.testing.assert_allclose(before.wish, np.sum(each, axis=0))
    assert last.below is before.wish


def test_the_top_knobs_are_the_most_sensitive_and_say_where_they_are():
    nudges = joined(wishes(DIGITS, VECTOR, X[0], Y[0]))
    knobs = top_knobs(DIGITS, VECTOR, X[0], Y[0], 5)
    sizes = [abs(knob.nudge) for knob in knobs]
    assert sizes == sorted(np.abs(nudges), reverse=True)[:5]
    kind, layer, j, k = knobs[0].place
    weights, biases = DIGITS.split(nudges)
    found = biases[layer - 1][j] if k is None else weights[layer - 1][j, k]
    assert found == knobs[0].nudge
    assert knobs[0].times(knobs[4]) == pytest.approx(sizes[0] / sizes[4])


def test_a_small_step_along_an_examples_nudge_moves_the_answer_by_its_pull():
    network = Layered(widths=(5, 4, 3), activations=(TANH, SIGMOID))
    draw = np.random.default_rng(1)
    vector, x, y = (
        draw.normal(size=network.size),
        draw.normal(size=(6, 5)),
        draw.normal(size=(6, 3)),
    )
    image = draw.normal(size=5)
    found = pulls(network, vector, x, y, image, 2)
    nudges = per_sample_nudges(network, vector, x, y)
    answer = lambda moved: network.trace(moved, image).a[-1][2]
    for pull, nudge in zip(found, nudges, strict=True):
        measured = (answer(vector + 1e-5 * nudge) - answer(vector - 1e-5 * nudge)) / 2e-5
        assert pull == pytest.approx(measured, rel=1e-6)


def test_listening_to_one_output_alone_is_right_in_its_own_row_only():
    quiet = DIGITS.trace(VECTOR, X).a[-1].copy()
    quiet[:, 3] = Y[:, 3]  # all others have what they wish
    one, every = DIGITS.gradient(VECTOR, X, quiet), DIGITS.gradient(VECTOR, X, Y)
    (ones, _), (everys, _) = DIGITS.split(one), DIGITS.split(every)
    np.testing.assert_allclose(ones[-1][3], everys[-1][3], rtol=1e-12)
    assert not np.delete(ones[-1], 3, axis=0).any()
    assert np.linalg.norm(ones[0] - everys[0]) > 0.3 * np.linalg.norm(everys[0])
