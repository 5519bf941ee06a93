"""A network that is always edited: walls are where they were put, in training too."""

import pytest
import torch

from practicum.interpret.edited import Edited
from practicum.interpret.edits import blocked, with_pattern
from practicum.interpret.trace import trace
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import reader
from practicum.seeding import stream

IDS = torch.randint(20, (3, 7), generator=stream(1, "ids"))
MODELS = {
    "decoder": gpt2(width=16, depth=2, heads=2, vocab=20, context=8, std=0.2),
    "encoder": reader(width=16, depth=2, heads=2, vocab=20, outputs=5, context=8),
}


@pytest.fixture(params=MODELS)
def model(request):
    return build(MODELS[request.param], seed=3)


def test_without_edits_nothing_changes(model):
    assert torch.equal(Edited(model, lambda _ids: [])(IDS), model(IDS))


def test_it_reads_as_a_trace_with_the_same_edits(model):
    wall = blocked([(6, 2), (5, 0)], layers=[1])
    expected = trace(model, IDS, edits=[wall]).logits
    torch.testing.assert_close(Edited(model, lambda _ids: [wall])(IDS), expected)


def test_walls_may_stand_elsewhere_in_every_row(model):
    edges = torch.zeros(3, 7, 7, dtype=torch.bool)
    edges[0, 6, 2] = edges[1, 5, 0] = True
    walled = Edited(model, lambda _ids: [blocked(edges)])(IDS)
    for row, edge in enumerate([(6, 2), (5, 0)]):
        alone = trace(model, IDS[row : row + 1], edits=[blocked([edge])]).logits
        torch.testing.assert_close(walled[row : row + 1], alone)
    torch.testing.assert_close(walled[2], model(IDS)[2])


def test_words_that_see_themselves_alone_know_nothing_of_others(model):
    net = Edited(model, lambda _ids: [with_pattern("identity")])
    other = IDS.clone()
    other[:, 3] = (other[:, 3] + 1) % 20
    same = torch.arange(7) != 3
    assert torch.equal(net(IDS)[:, same], net(other)[:, same])


def test_the_weights_learn_through_the_edits(model):
    net = Edited(model, lambda ids: [blocked((ids == ids[0, 0])[:, None].expand(-1, 7, -1))])
    net(IDS).square().sum().backward()
    gradient = model.stack.blocks[0].mixer.qkv.weight.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert gradient.any()
