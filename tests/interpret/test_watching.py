"""Watching changes no bit; weights that are put in place of others are the ones that mix."""

import pytest
import torch
from torch import Tensor

from practicum.interpret.watching import Attended, WatchedPast, watched
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.transformer import transformer
from practicum.nn.state import BothWays, Packed, Whole
from practicum.seeding import stream

SHAPE = {"width": 32, "depth": 2, "heads": 4, "vocab": 50, "context": 24}
FAMILIES = {"gpt2": gpt2(**SHAPE), "llama": llama(**SHAPE, kv_heads=2, hidden=48)}


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(50, (3, 12), generator=stream(0, "ids"))


@pytest.mark.parametrize("family", FAMILIES)
def test_watching_changes_no_bit_and_weights_mix_to_what_was_gathered(family, ids):
    model = build(FAMILIES[family], seed=1)
    told: list[Attended] = []
    seen = model(ids, WatchedPast(Whole(), told.append))
    assert torch.equal(seen, model(ids))
    assert [one.layer for one in told] == [0, 1]
    for one in told:
        weights, groups = one.weights, one.queries.shape[1] // one.values.shape[1]
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4, 12))
        assert torch.all(weights.triu(1) == 0)
        values = one.values.repeat_interleave(groups, dim=1)
        torch.testing.assert_close(weights @ values, one.mixed)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_put_back_change_nothing(family, ids):
    model = build(FAMILIES[family], seed=1)
    seen = model(ids, WatchedPast(Whole(), lambda one: one.weights))
    torch.testing.assert_close(seen, model(ids))


def test_other_weights_are_the_ones_that_mix(ids):
    model = build(FAMILIES["gpt2"], seed=1)

    def itself(one: Attended) -> Tensor:
        return torch.eye(12).expand_as(one.weights)

    alone = torch.stack([model(ids[:, [t]])[:, 0] for t in range(12)], dim=1)
    no_position = build(FAMILIES["llama"], seed=1)
    without = no_position(ids, WatchedPast(Whole(), itself))
    single = torch.stack([no_position(ids[:, [t]])[:, 0] for t in range(12)], dim=1)
    torch.testing.assert_close(without, single)  # rotary positions touch queries and keys alone
    assert not torch.allclose(model(ids, WatchedPast(Whole(), itself)), alone)  # added ones stay


def test_a_cache_is_watched_while_it_fills(ids):
    model = build(FAMILIES["llama"], seed=1)
    whole: list[Attended] = []
    model(ids, WatchedPast(Whole(), whole.append))
    steps: list[Attended] = []
    state = WatchedPast(model.new_state(3, 12), steps.append)
    for part in ids.split([5, 1, 6], dim=1):
        model(part, state)
    last = steps[-1].weights  # of the second block: the last six tokens look at all twelve
    torch.testing.assert_close(last, whole[-1].weights[:, :, 6:])


def test_packed_documents_have_no_weight_on_each_other(ids):
    model = build(FAMILIES["gpt2"], seed=1)
    segments = torch.tensor([[0] * 5 + [1] * 7] * 3)
    told: list[Attended] = []
    model(ids, WatchedPast(Packed(segments), told.append))
    assert torch.all(told[0].weights[:, :, 5:, :5] == 0)


def test_both_stacks_of_a_translator_and_its_looks_are_watched(ids):
    model = build(transformer(**SHAPE), seed=1)
    real = torch.arange(12) < torch.tensor([12, 5, 8])[:, None]
    target = ids[:, :7]
    read: list[Attended] = []
    wrote: list[Attended] = []
    looked: list[Attended] = []
    memory = model.read(ids, past=WatchedPast(BothWays(real), read.append))
    sources = watched(model.decoder.sources(memory, real), looked.append)
    hidden = model.hidden(target, sources, WatchedPast(Whole(), wrote.append))
    assert torch.equal(model.logits(hidden), model(ids, target, real))
    assert [one.weights.shape for one in looked] == [(3, 4, 7, 12)] * 2
    assert torch.all(looked[0].weights[1, :, :, 5:] == 0)
    assert len(read) == len(wrote) == 2
