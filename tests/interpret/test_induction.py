"""Random text read twice, the reach of later words, and accounts that add up."""

import pytest
import torch

from practicum.data.adjectives import AdjectivesOfNouns
from practicum.data.drawn import fresh
from practicum.interpret.adjective_routes import (
    before_that,
    own_adjective,
    question_to_other_words,
)
from practicum.interpret.bookkeeping import attention_weights, delta_gap, later_weight, row_gap
from practicum.interpret.induction import read_twice
from practicum.interpret.masking import reach
from practicum.interpret.tally import tally
from practicum.interpret.trace import trace
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.objectives.at_place import place_batch
from practicum.seeding import stream

MODELS = {
    "biases": gpt2(width=16, depth=2, heads=4, vocab=40, context=32, std=0.2),
    "shared heads": llama(width=16, depth=2, heads=4, kv_heads=2, hidden=16, vocab=40, context=32),
}
IDS = torch.randint(40, (1, 9), generator=stream(1, "ids"))


@pytest.fixture(params=MODELS)
def model(request):
    return build(MODELS[request.param], seed=2)


def test_a_model_that_learned_nothing_has_no_head_for_text_read_twice(model):
    found = read_twice(model, block=8, texts=4, generator=stream(3, "texts"))
    assert found.atlas["induction"].shape == (2, 4)
    assert 0 < found.induction < 0.3
    assert 0 < found.unrepeated < 0.3
    assert found.first_half == pytest.approx(found.second_half, abs=1.0)
    assert 0 <= found.sinks <= 1


def test_later_words_reach_earlier_ones_only_without_the_mask(model):
    masked, free = (reach(model, IDS, 4, 7, masked=masked) for masked in (True, False))
    assert masked.change < 1e-6
    assert masked.gradient == 0
    assert free.change > 1e-4
    assert free.gradient > 0


def test_heads_add_up_and_rows_sum_to_one(model):
    seen = trace(model, IDS)
    assert delta_gap(model, seen) < 1e-5
    assert row_gap(seen) < 1e-6
    assert later_weight(seen) == 0


def test_the_maps_of_gpt3_are_58_billion():
    counted = tally(gpt2(width=12_288, depth=96, heads=96, context=2048))
    assert attention_weights(counted) == 57_982_058_496


def test_roads_lead_from_nouns_to_the_words_before_them():
    batch = place_batch(fresh(AdjectivesOfNouns(), 5, seed=1))
    own, before = own_adjective(batch.words), before_that(batch.words)
    assert own.sum((1, 2)).tolist() == [3] * 5
    for row, noun, adjective in own.nonzero().tolist():
        assert adjective == noun - 1
        assert noun < 12
        if batch.words[row, noun] == batch.words[row, -1]:
            assert batch.words[row, adjective] == batch.wanted[row]
    assert all(key == noun - 2 for _, noun, key in before.nonzero().tolist())
    hidden = question_to_other_words(batch.words)
    assert not hidden[:, :-1].any()
    assert hidden[:, -1].sum(-1).tolist() == [10] * 5, "four places hold nouns"
