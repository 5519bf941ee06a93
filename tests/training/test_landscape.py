"""Landscapes: weights come back, ends of lines are the networks, planes hold their points."""

import numpy as np
import pytest
import torch
from torch import nn

from practicum.data.loader import Loader
from practicum.data.packing import Example
from practicum.errors import TrainingError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.perceptron import Perceptron
from practicum.objectives.next_token import NextToken
from practicum.objectives.squares import SummedSquares
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.held_out import held_out_loss
from practicum.training.landscape import (
    Line,
    Path,
    Plane,
    along,
    barrier,
    between,
    filter_normalised,
    over,
    principal,
    through,
    weights_of,
)
from practicum.training.loop import Watch, fit
from practicum.training.optimiser import SGD
from practicum.training.schedules import Constant

DRAW = np.random.default_rng(0)
EXAMPLES = [(DRAW.random(9, np.float32), int(DRAW.integers(4))) for _ in range(40)]
MEASURE = held_out_loss(SummedSquares(), EXAMPLES, batch=40)


def network(seed: int, start: str = "scaled") -> nn.Module:
    return build(Perceptron(widths=(9, 7, 4), start=start), seed=seed)  # type: ignore[arg-type]


def test_a_line_ends_at_its_two_networks_and_the_weights_come_back_bit_for_bit():
    model, other = network(0), network(1)
    before = weights_of(model)
    model.train()
    values = along(model, MEASURE, between(weights_of(model), weights_of(other)), [0.0, 0.5, 1.0])
    assert model.training
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.detach(), value)
    with torch.no_grad():
        assert values[0] == MEASURE(model)
        assert values[2] == pytest.approx(MEASURE(other), rel=1e-5)


def test_weights_come_back_when_the_measure_fails():
    model = network(0)
    before = weights_of(model)

    def failing(_: nn.Module) -> float:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        along(model, failing, Line(before, before), [1.0])
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.detach(), value)


def test_random_directions_have_the_lengths_of_the_rows():
    weights = (*weights_of(network(0)), torch.rand(3, 2, 4, 4, generator=stream(0, "x")))
    direction = filter_normalised(weights, generator=stream(0, "direction"))
    for own, way in zip(weights, direction, strict=True):
        if own.ndim < 2:
            assert not way.any()
        else:
            torch.testing.assert_close(way.flatten(1).norm(dim=1), own.flatten(1).norm(dim=1))
    assert not torch.equal(direction[0], weights[0])


def test_the_landscape_of_a_bowl_is_a_bowl():
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0]]))

    def bowl(m: nn.Module) -> float:
        return float((m.weight**2).sum())  # type: ignore[operator]

    zero = (torch.zeros(1, 2),)
    plane = Plane(zero, (torch.tensor([[1.0, 0.0]]),), (torch.tensor([[0.0, 2.0]]),))
    heights = over(model, bowl, plane, [0.0, 1.0, 3.0], [0.0, 2.0])
    np.testing.assert_allclose(heights, [[0, 1, 9], [16, 17, 25]])
    assert plane.place(weights_of(model)) == pytest.approx((3.0, 2.0))


def test_three_networks_lie_on_their_plane():
    points = [weights_of(network(seed)) for seed in range(3)]
    plane = through(*points)
    for place, point in zip((plane.place(p) for p in points), points, strict=True):
        for a, b in zip(plane.at(*place), point, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    assert plane.place(points[1]) == pytest.approx((1.0, 0.0), abs=1e-6)
    with pytest.raises(TrainingError, match="one line"):
        through(points[0], points[1], between(points[0], points[1]).at(2.0))


def test_a_principal_plane_is_that_of_singular_values():
    model = network(0)
    path = Path(every=5)
    budget = Budget(
        steps=60, batch=8, rate=1.0, schedule=Constant(), warmup=0, optimiser=SGD(), clip=None
    )
    fit(
        model,
        Loader(EXAMPLES, 8, seed=0),
        SummedSquares(),
        budget,
        seed=0,
        watch=Watch(after_step=path),
    )
    assert len(path.points) == 12
    seen = principal(path.points)
    matrix = torch.stack([torch.cat([t.flatten() for t in p]) for p in path.points]).double()
    matrix -= matrix[-1].clone()
    sizes = torch.linalg.svdvals(matrix) ** 2
    np.testing.assert_allclose(seen.shares, (sizes[:2] / sizes.sum()).numpy(), rtol=1e-4)
    lengths = np.square(seen.places).sum(0)
    np.testing.assert_allclose(lengths, sizes[:2].numpy(), rtol=1e-3)
    assert seen.places[-1] == pytest.approx((0, 0), abs=1e-6)
    with pytest.raises(TrainingError, match="no plane"):
        principal(path.points[:1])


def test_a_barrier_is_what_lies_above_the_straight_line():
    assert barrier(np.array([1.0, 5.0, 3.0])) == pytest.approx(3.0)
    assert barrier(np.array([3.0, 1.0, 0.0])) == 0.0


def test_a_transformer_has_a_landscape_too():
    model = build(gpt2(width=16, depth=2, heads=2, vocab=11, context=8), seed=0)
    windows = [Example(ids=np.arange(i, i + 9) % 11) for i in range(6)]
    measure = held_out_loss(NextToken(), windows, batch=6)
    before = weights_of(model)
    ways = [filter_normalised(before, generator=stream(0, name)) for name in ("right", "up")]
    heights = over(model, measure, Plane(before, *ways), [-1.0, 0.0, 1.0], [0.0, 1.0])
    with torch.no_grad():
        assert heights[0, 1] == measure(model)
    assert len(np.unique(heights)) == 6
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.detach(), value)
