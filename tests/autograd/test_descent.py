"""Descent against torch's optimiser, and the plane in which paths are drawn."""

from itertools import repeat

import numpy as np
import torch

from practicum.autograd.activations import SIGMOID
from practicum.autograd.descent import descend, fall, principal_plane
from practicum.autograd.layers import Layered

NETWORK = Layered(widths=(6, 4, 3), activations=(SIGMOID,) * 2)
DRAW = np.random.default_rng(0)
START, X, Y = DRAW.normal(size=NETWORK.size), DRAW.normal(size=(8, 6)), DRAW.uniform(size=(8, 3))


def test_steps_are_those_of_torchs_sgd():
    theirs = torch.tensor(START, requires_grad=True)
    optimiser = torch.optim.SGD([theirs], lr=0.7)
    for ours in descend(START, NETWORK.gradient, repeat((X, Y), 5), rate=0.7):
        theirs.grad = torch.from_numpy(NETWORK.gradient(theirs.detach().numpy(), X, Y))
        optimiser.step()
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-14)


def test_the_start_stays_and_the_cost_falls():
    kept = START.copy()
    costs = [
        NETWORK.mean_cost(vector, X, Y)
        for vector in descend(START, NETWORK.gradient, repeat((X, Y), 20), rate=0.5)
    ]
    np.testing.assert_array_equal(START, kept)
    assert costs == sorted(costs, reverse=True)


def test_it_ends_with_its_batches():
    assert len(list(descend(START, NETWORK.gradient, [(X, Y)] * 3, rate=0.1))) == 3


def test_the_principal_plane_keeps_distances_of_paths_that_lie_in_one():
    directions = np.linalg.qr(DRAW.normal(size=(30, 2)))[0].T
    first, second = DRAW.normal(size=(7, 2)), DRAW.normal(size=(5, 2))
    seen = np.concatenate(principal_plane(first @ directions, second @ directions))
    whole = np.concatenate([first, second])
    apart = lambda points: np.linalg.norm(points[:, None] - points, axis=2)
    np.testing.assert_allclose(apart(seen), apart(whole), atol=1e-12)
    assert seen[:, 0].var() >= seen[:, 1].var()


def test_a_fall_stops_at_its_cost_or_after_its_epochs():
    cost = lambda vector: NETWORK.mean_cost(vector, X, Y)
    path = lambda: descend(START, NETWORK.gradient, repeat((X, Y)), rate=0.5)
    short = fall(START, path(), cost, steps=2, epoch=0.5, to=0.0, most=3)
    assert short.epochs == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert short.costs[0] == cost(START)
    assert short.costs[-1] == cost(short.vector)
    assert short.seconds == sorted(short.seconds)
    low = short.costs[3]
    there = fall(START, path(), cost, steps=2, epoch=0.5, to=low, most=3)
    assert there.costs == short.costs[:4]
    assert there.first(low) == 3
    assert there.first(0.0) is None
