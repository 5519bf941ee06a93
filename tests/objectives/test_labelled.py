"""Supervised objectives against their equations."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from practicum.errors import DataError
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.labelled import labelled
from practicum.objectives.squares import SummedSquares

DRAW = np.random.default_rng(0)
X = DRAW.random((5, 6), np.float32)
Y = [2, 0, 1, 2, 2]
ANY = torch.Generator()


def test_summed_squares_have_no_half_and_no_mean_over_outputs():
    model = build(Perceptron(widths=(6, 4, 3)), seed=0)
    objective = SummedSquares()
    loss = objective.loss(model, objective.prepare(list(zip(X, Y, strict=True)), ANY))
    a = model(torch.from_numpy(X)).detach().numpy()
    wanted = sum(sum((a[i, j] - (j == y)) ** 2 for j in range(3)) for i, y in enumerate(Y))
    assert loss.count == 5
    assert float(loss.total.detach()) == pytest.approx(float(wanted), rel=1e-5)


def test_a_vector_can_be_wanted():
    model = build(Perceptron(widths=(6, 4, 6), output="identity"), seed=0)
    objective = SummedSquares()
    loss = objective.loss(model, objective.prepare([(x, x) for x in X], ANY))
    wanted = (model(torch.from_numpy(X)) - torch.from_numpy(X)).square().sum()
    torch.testing.assert_close(loss.total, wanted)


def test_cross_entropy_is_summed():
    model = build(Perceptron(widths=(6, 4, 3), output="identity"), seed=0)
    objective = CrossEntropy()
    batch = objective.prepare(list(zip(X, Y, strict=True)), ANY)
    wanted = -F.log_softmax(model(batch.x), -1)[range(5), Y].sum()
    torch.testing.assert_close(objective.loss(model, batch).total, wanted)


def test_examples_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="differ in shape"):
        labelled([(X[0], 1), (X[1][:3], 2)])
