"""The digit network of the first two chapters against torch's own tools and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPClassifier
from torch import nn

from practicum.data.images import Images, images, split
from practicum.data.loader import Loader
from practicum.evaluation.classifier import accuracy
from practicum.models.build import build
from practicum.models.families.perceptron import SIZES
from practicum.objectives.squares import SummedSquares
from practicum.papers.gradient_descent import Setup
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

TRAIN, TEST = split(images("digits"), seed=100)


def recipe(*, steps: int, batch: int, rate: float) -> Budget:
    return Budget(
        steps=steps,
        batch=batch,
        rate=rate,
        schedule=Constant(),
        warmup=0,
        optimiser=SGD(),
        clip=None,
    )


def theirs() -> nn.Sequential:
    """torch's own layers with the weights that our network starts from."""
    model = nn.Sequential()
    for layer in build(SIZES["digits"][0], seed=0).layers:
        linear = nn.Linear(layer.weight.shape[1], len(layer.weight))
        linear.load_state_dict({"weight": layer.weight.detach(), "bias": layer.bias.detach()})
        model.extend([linear, nn.Sigmoid()])
    return model


def plain_loop(model: nn.Module, train: Images, *, steps: int, batch: int, rate: float) -> None:
    """Gradient descent as a tutorial writes it, in the order that our loader gives."""
    loader, optimiser = Loader(train, batch, seed=0), torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        pixels, labels = zip(*next(loader), strict=True)
        y = torch.eye(10)[list(labels)]
        cost = ((model(torch.from_numpy(np.stack(pixels))) - y) ** 2).sum(1).mean()
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()


def test_a_step_on_all_images_is_torchs_step():
    ours, other = build(SIZES["digits"][0], seed=0), theirs()
    budget = recipe(steps=1, batch=len(TRAIN), rate=0.5)
    fit(ours, Loader(TRAIN, len(TRAIN), seed=0), SummedSquares(), budget, seed=0)
    plain_loop(other, TRAIN, steps=1, batch=len(TRAIN), rate=0.5)
    for a, b in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), atol=1e-7, rtol=0)


def test_trained_accuracy_is_that_of_a_plain_loop():
    ours, other = build(SIZES["digits"][0], seed=0), theirs()
    budget = recipe(steps=1500, batch=10, rate=3.0)
    fit(ours, Loader(TRAIN, 10, seed=0), SummedSquares(), budget, seed=0)
    plain_loop(other, TRAIN, steps=1500, batch=10, rate=3.0)
    scores = [accuracy(model, TEST.pixels, TEST.labels) for model in (ours, other)]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
    assert scores[0] > 0.8


def test_scikit_learns_network_of_this_shape_reads_as_well():
    """It has a softmax and the log-loss, so that only the accuracy compares."""
    other = MLPClassifier(
        (16, 16), activation="logistic", learning_rate_init=0.01, batch_size=50, tol=3e-4,
        max_iter=300, random_state=0,
    )  # fmt: skip
    other.fit(TRAIN.pixels, TRAIN.labels)
    ours = build(Setup().network, seed=100)
    budget = recipe(steps=4000, batch=10, rate=3.0)
    fit(ours, Loader(TRAIN, 10, seed=100), SummedSquares(), budget, seed=100)
    score = float(other.score(TEST.pixels, TEST.labels))
    assert accuracy(ours, TEST.pixels, TEST.labels) == pytest.approx(score, abs=0.03)
    assert score > 0.93
