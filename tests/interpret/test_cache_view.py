"""The cache shows what it holds; mistaken positions are noticed; loops are counted."""

import pytest
import torch

from practicum.decoding.model import reading
from practicum.evaluation.repetition import repeated_share
from practicum.interpret.cache_view import (
    bottom,
    bytes_per_token,
    kept_by_layer,
    quarters,
    seconds_per_token,
    step_logits,
)
from practicum.interpret.looping import loops
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer

MODELS = {
    "learned": gpt2(width=16, depth=3, heads=2, vocab=257, context=40, std=0.2),
    "rotary": llama(width=16, depth=3, heads=4, kv_heads=2, hidden=16, vocab=257, context=40),
}
IDS = torch.randint(257, (1, 12), generator=stream(1, "ids"))


@pytest.fixture(params=MODELS)
def model(request):
    model = build(MODELS[request.param], seed=2)
    with torch.no_grad():  # at their initial size the scores hardly depend on the text
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(0.4 / parameter.std())
    return model


def test_every_layer_keeps_what_was_read_and_no_more(model):
    state = model.new_state(1, 30)
    with reading(model):
        model(IDS, state)
    layers = kept_by_layer(state)
    mixer = model.description.stack.block.mixer
    heads = mixer.kv_heads or mixer.heads
    width = 16 // mixer.heads
    assert [kept.layer for kept in layers] == [0, 1, 2]
    assert layers[0].keys == layers[0].values == (1, heads, 12, width)
    assert layers[0].nbytes == 2 * heads * 12 * width * 4
    assert bytes_per_token(model) == 2 * 3 * heads * width * 4


def test_a_cache_changes_nothing_unless_its_places_are_off(model):
    with reading(model):
        whole = model(IDS)[0]
    torch.testing.assert_close(step_logits(model, IDS, prompt=4), whole, atol=1e-4, rtol=1e-5)
    mistaken = step_logits(model, IDS, prompt=4, off_by=1)
    torch.testing.assert_close(mistaken[:4], whole[:4], atol=1e-4, rtol=1e-5)
    assert (mistaken[4:] - whole[4:]).abs().max() > 1e-2


def test_the_bottom_of_a_model_shares_its_weights(model):
    low = bottom(model, 2)
    assert len(low.stack.blocks) == 2
    assert low.embedding.weight.data_ptr() == model.embedding.weight.data_ptr()
    assert len(bottom(model, 9).stack.blocks) == 3


def test_each_token_has_a_time(model):
    for cached in (True, False):
        seconds = seconds_per_token(model, IDS, cached=cached)
        assert len(seconds) == 12
        assert min(seconds) > 0
    assert quarters([1.0, 1.0, 9.0, 2.0, 2.0, 3.0, 3.0, 3.0]) == (1.0, 3.0)


def test_repeated_grams_are_those_that_occurred_before():
    assert repeated_share([1, 2, 3, 4, 5, 6]) == 0
    assert repeated_share([1, 2, 3, 4, 1, 2, 3, 4]) == pytest.approx(1 / 5)
    assert repeated_share([7] * 10) == pytest.approx(6 / 7)
    assert repeated_share([1, 2]) == 0


def test_drawing_among_one_word_is_greedy(model):
    found = loops(model, ByteTokenizer(), ["ab", "hello", "x"], tokens=10, seed=3)
    assert found.differing == 0
    assert found.greedy_logprob > found.drawn_logprob
    assert found.more == found.greedy - found.drawn
    assert found.least <= found.more
