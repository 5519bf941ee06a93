"""A pointer network: any number of numbers, in any order, padded or not."""

import torch

from practicum.config import from_json, to_json
from practicum.data.drawn import Drawn, fresh
from practicum.data.pointing import Filled, Pointing
from practicum.evaluation.pointing import share_named, share_pointed
from practicum.models.build import build
from practicum.models.perceptron import Perceptron
from practicum.models.pointer_network import PointerNetwork
from practicum.objectives.classification import CrossEntropy
from practicum.objectives.pointing import PointingLoss
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import fit

MODEL = build(PointerNetwork(width=8), seed=1)
NUMBERS = torch.randn(2, 6, generator=stream(0, "numbers"))
REAL = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
PLACES = torch.tensor([[2, 0, 5], [3, 3, 1]])
BUDGET = Budget(steps=60, batch=64, rate=1e-2)


def test_the_description_goes_to_json_and_back():
    assert from_json(PointerNetwork, to_json(PointerNetwork())) == PointerNetwork()


def test_numbers_in_another_order_are_pointed_at_in_that_order():
    order = torch.tensor([4, 2, 0, 1, 5, 3])
    moved = MODEL(NUMBERS[:1, order], REAL[:1], order.argsort()[PLACES[:1]])
    torch.testing.assert_close(moved, MODEL(NUMBERS[:1], REAL[:1], PLACES[:1])[..., order])


def test_padding_is_never_pointed_at_and_changes_nothing():
    log_p = MODEL(NUMBERS, REAL, PLACES)
    assert (log_p[1, :, 4:] == -torch.inf).all()
    alone = MODEL(NUMBERS[1:, :4], REAL[1:, :4], PLACES[1:])
    torch.testing.assert_close(log_p[1:, :, :4], alone)
    assert (MODEL.point(NUMBERS, REAL, 5)[1] < 4).all()


def test_what_it_points_at_is_what_it_finds_likeliest_after_its_own_picks():
    places = MODEL.point(NUMBERS, REAL, 3)
    assert torch.equal(MODEL(NUMBERS, REAL, places).argmax(-1), places)


def test_the_loss_is_the_mean_over_the_places_that_are_wanted():
    drawn = fresh(Pointing(order="rising"), 2, seed=0)
    rows = [row._replace(places=row.places[:n]) for row, n in zip(drawn, (3, 1), strict=True)]
    batch = PointingLoss().prepare(rows, torch.Generator())
    loss = PointingLoss().loss(MODEL, batch)
    log_p = MODEL(batch.numbers, batch.real, batch.places)
    expected = -sum(log_p[b, t, p] for b, row in enumerate(rows) for t, p in enumerate(row.places))
    assert loss.count == 4
    torch.testing.assert_close(loss.total, expected)


def test_it_finds_the_largest_of_more_numbers_than_it_saw_and_a_list_of_classes_cannot():
    task, rows = Pointing(), fresh(Pointing(shortest=20, longest=20), 300, seed=0)
    pointer = build(PointerNetwork(width=16), seed=0)
    fit(pointer, Drawn(task, 64, seed=0), PointingLoss(), BUDGET, seed=0)
    assert share_pointed(pointer, rows) > 0.9
    classes = build(Perceptron(widths=(20, 32, 10), output="identity"), seed=0)
    fit(classes, Drawn(Filled(task=task), 64, seed=0), CrossEntropy(), BUDGET, seed=0)
    assert share_named(classes, [row for row in rows if row.places[0] >= 10]) == 0
