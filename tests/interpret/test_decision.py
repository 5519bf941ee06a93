"""Effects of units against what they must be where it can be computed by hand."""

import torch
from torch import nn

from practicum.interpret.decision import decision
from practicum.models.build import build
from practicum.models.perceptron import Perceptron

DRAW = torch.Generator().manual_seed(0)
X, USUAL = torch.rand(9, generator=DRAW), torch.rand(30, 9, generator=DRAW)


def test_effects_of_the_last_hidden_layer_are_exact():
    model = build(Perceptron(widths=(9, 7, 5, 4), start="unit"), seed=0)
    found = decision(model, X, USUAL)
    z, a = model.trace(X[None])[-1].z[0], model.hidden(X[None])[0]
    order = z.argsort(descending=True).tolist()
    assert (found.chosen, found.rival) == (order[0], order[1])
    assert found.margin == float((z[order[0]] - z[order[1]]).detach())
    weight = model.layers[-1].weight
    wanted = (weight[order[0]] - weight[order[1]]) * (a - model.hidden(USUAL).mean(0))
    torch.testing.assert_close(found.effects[-1], wanted.detach(), atol=1e-5, rtol=1e-4)
    assert [len(effects) for effects in found.effects] == [9, 7, 5]


def test_effects_of_inputs_are_margins_lost():
    model = build(Perceptron(widths=(9, 7, 4), start="unit"), seed=0)
    found = decision(model, X, USUAL)
    assert found.rival is not None
    patched = X.clone()
    patched[3] = USUAL[:, 3].mean()
    z = model.trace(patched[None])[-1].z[0]
    lost = found.margin - float((z[found.chosen] - z[found.rival]).detach())
    torch.testing.assert_close(float(found.effects[0][3]), lost, atol=1e-5, rtol=1e-4)


def test_a_usual_unit_carries_nothing_and_a_deciding_one_most():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.1, 0.1]]))
        model[0].bias.zero_()
        model[2].weight.copy_(torch.tensor([[5.0, 1.0]]))
        model[2].bias.zero_()
    found = decision(model, torch.tensor([1.0, 0.5, 0.5]), torch.full((4, 3), 0.5))
    assert found.rival is None
    assert found.carriers(0, 1) == [(0, 2.5)]
    assert found.effects[0][1:].tolist() == [0.0, 0.0]
    assert found.carriers(1, 2)[0][0] == 0
