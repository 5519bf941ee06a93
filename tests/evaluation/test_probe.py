"""What a probe needs: hidden activations, and the same number of rows of each class."""

import numpy as np
import pytest

from practicum.errors import DataError
from practicum.evaluation.probe import features, few_of_each
from practicum.models.build import build
from practicum.models.perceptron import Perceptron


def test_features_are_those_of_the_last_hidden_layer():
    model = build(Perceptron(widths=(3, 5, 4, 2), activation="relu", output="identity"))
    x = np.random.default_rng(0).random((6, 3), np.float32)
    found = features(model, x)
    assert found.shape == (6, 4)
    assert (found >= 0).all()
    last = model.layers[-1]
    answers = found @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(answers, model(model_input(x)).detach().numpy(), atol=1e-6)


def model_input(x):
    import torch

    return torch.from_numpy(x)


def test_every_class_gives_as_many_rows():
    labels = np.random.default_rng(0).integers(0, 4, 100)
    rows = few_of_each(labels, 5, seed=0)
    assert np.bincount(labels[rows]).tolist() == [5, 5, 5, 5]
    assert len(set(rows.tolist())) == 20
    assert np.array_equal(rows, few_of_each(labels, 5, seed=0))
    assert not np.array_equal(rows, few_of_each(labels, 5, seed=1))


def test_a_class_with_too_few_rows_is_named():
    with pytest.raises(DataError, match="class 1 has 1 examples; asked for 2"):
        few_of_each(np.array([0, 0, 1]), 2, seed=0)
