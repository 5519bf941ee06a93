"""The loop against torch's own optimiser and scikit-learn's classifier on the digits."""

import warnings
from dataclasses import replace

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

from practicum.data.images import images, split
from practicum.data.loader import Loader
from practicum.evaluation.classifier import accuracy
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.objectives.classification import CrossEntropy
from practicum.training.budget import Budget
from practicum.training.loop import fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

TRAIN, TEST = split(images("digits"), seed=100)
NETWORK = Perceptron(widths=(64, 64, 10), activation="relu", output="identity")
PLAIN = Budget(
    steps=1, batch=32, rate=0.2, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
)


def test_one_step_is_that_of_torch():
    ours = build(NETWORK, seed=0)
    theirs = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    with torch.no_grad():
        for other, mine in zip(theirs.parameters(), ours.parameters(), strict=True):
            other.copy_(mine)
    rows = next(Loader(TRAIN, 32, seed=0))
    x, labels = np.stack([x for x, _ in rows]), torch.tensor([label for _, label in rows])
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.2)
    nn.functional.cross_entropy(theirs(torch.from_numpy(x)), labels).backward()
    optimiser.step()
    fit(ours, Loader(TRAIN, 32, seed=0), CrossEntropy(), PLAIN, seed=0)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-7, rtol=0)


def test_fifteen_epochs_read_as_many_digits_as_scikit_learn():
    ours = build(NETWORK, seed=0)
    budget = replace(PLAIN, steps=15 * len(TRAIN) // 32)
    fit(ours, Loader(TRAIN, 32, seed=0), CrossEntropy(), budget, seed=0)
    theirs = MLPClassifier(
        (64,), solver="sgd", alpha=0.0, batch_size=32, learning_rate_init=0.2, momentum=0.0,
        max_iter=15, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are what is compared
        theirs.fit(TRAIN.pixels, TRAIN.labels)
    peer = theirs.score(TEST.pixels, TEST.labels)
    assert abs(accuracy(ours, TEST.pixels, TEST.labels) - peer) <= 0.02
