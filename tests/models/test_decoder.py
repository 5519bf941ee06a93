"""What a whole network promises beyond the laws of its mixers."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.counts import forward_flops_per_token
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.hugging_face import family_of
from practicum.nn.initial import Normal, Rule
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive
from practicum.nn.self_reader import SelfReader
from practicum.seeding import stream

SHAPE = {"width": 32, "depth": 2, "heads": 4, "vocab": 50, "context": 24}


def reading_itself(description: Decoder) -> Decoder:
    """The same with another member of the attention family as the mixer of its blocks."""
    mixer = SelfReader(reader=Reader(score=Additive(hidden=8)))
    stack = description.stack
    block = replace(stack.pattern[0], mixer=mixer)
    rules = (Rule(names="*", start=Normal(std=0.1)),)
    return replace(description, stack=replace(stack, block=block), initial=rules)


FAMILIES = {
    "gpt2": gpt2(**SHAPE),
    "llama": llama(**SHAPE, kv_heads=2, hidden=48),
    "llama tied": llama(**SHAPE, kv_heads=1, hidden=48, tied=True),
    "reading itself": reading_itself(gpt2(**SHAPE)),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES.keys())
def description(request: pytest.FixtureRequest) -> Decoder:
    return request.param


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(50, (3, 12), generator=stream(0, "ids"))


def test_reading_in_pieces_equals_reading_at_once(description: Decoder, ids: Tensor):
    model = build(description, seed=1)
    state = model.new_state(3, 16)
    pieces = torch.cat([model(part, state) for part in ids.split([5, 1, 6], dim=1)], dim=1)
    torch.testing.assert_close(pieces, model(ids))


def test_forked_rows_continue_alike(description: Decoder, ids: Tensor):
    model = build(description, seed=1)
    state = model.new_state(3, 16)
    model(ids[:, :8], state)
    state.fork(1, 4)
    assert state.lengths == [8] * 4
    following = model(ids[1:2, 8:].expand(4, -1), state)
    torch.testing.assert_close(following, model(ids)[1:2, 8:].expand(4, -1, -1))


def test_a_model_can_be_trained_after_it_has_generated(description: Decoder, ids: Tensor):
    model = build(description, seed=1)
    with torch.inference_mode():
        state = model.new_state(3, 16)
        model(ids[:, :11], state)
        model(ids[:, 11:], state)
        model(ids)
    model(ids).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_inference_takes_another_product_to_the_same_numbers(description: Decoder, ids: Tensor):
    model = build(description, seed=1)
    for rows in (1, 2, 3):
        with torch.inference_mode():
            fast = model(ids[:rows, :1])
        torch.testing.assert_close(fast, model(ids[:rows, :1]).detach())


def test_the_same_seed_builds_the_same_bits_and_another_does_not(description: Decoder):
    one, same, other = (build(description, seed=seed) for seed in (1, 1, 2))
    pairs = list(zip(one.parameters(), same.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.embedding.weight, other.embedding.weight)


def test_a_deeper_network_starts_its_first_blocks_with_the_same_draws():
    shallow = build(llama(**SHAPE, hidden=48), seed=1)
    deep = build(llama(**{**SHAPE, "depth": 3}, hidden=48), seed=1)
    weights = dict(deep.named_parameters())
    assert all(torch.equal(p, weights[name]) for name, p in shallow.named_parameters())


def test_residual_projections_start_smaller_by_the_depth():
    model = build(gpt2(width=256, depth=8, heads=4, vocab=50), seed=1)
    block = model.stack.blocks[3].requires_grad_(False)
    expected = 0.02 / 16**0.5
    assert float(block.mixer.out.weight.std()) == pytest.approx(expected, rel=0.02)
    assert float(block.ffn.down.weight.std()) == pytest.approx(expected, rel=0.02)
    assert float(block.mixer.qkv.weight.std()) == pytest.approx(0.02, rel=0.02)
    assert float(block.ffn.up.weight.std()) == pytest.approx(0.02, rel=0.02)


def test_a_text_longer_than_learned_positions_is_refused_in_one_line():
    model = build(gpt2(**SHAPE))
    with pytest.raises(ModelError, match="25 tokens does not fit this model's context of 24"):
        model(torch.zeros(1, 25, dtype=torch.long))


def test_impossible_descriptions_are_refused():
    with pytest.raises(ConfigError, match="10 query heads cannot share 4 key-value heads evenly"):
        llama(width=40, depth=1, heads=10, kv_heads=4)
    with pytest.raises(ConfigError, match="width of 30 cannot be split over 4 heads"):
        build(gpt2(width=30, depth=1, heads=4), device="meta")


def test_packed_matrices_give_the_same_numbers_until_they_change(description: Decoder, ids: Tensor):
    model = build(description, seed=1)
    plain = model(ids).detach()
    model.prepack()
    with torch.inference_mode():
        torch.testing.assert_close(model(ids), plain)
        torch.testing.assert_close(copy.deepcopy(model)(ids), plain)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    changed = model(ids).detach()
    assert not torch.allclose(changed, plain)
    with torch.inference_mode():
        torch.testing.assert_close(model(ids), changed)
    model.prepack()
    with torch.inference_mode():
        torch.testing.assert_close(model(ids), changed)


def test_packing_is_refused_in_silence_where_it_cannot_be(description: Decoder, ids: Tensor):
    model = build(description, seed=1).double()
    model.prepack()
    with torch.inference_mode():
        assert model(ids).dtype == torch.float64


def test_any_mixer_goes_to_json_and_back_and_is_counted():
    description = FAMILIES["reading itself"]
    assert from_json(Decoder, to_json(description)) == description
    assert family_of(description) is None
    assert forward_flops_per_token(description, 16) > 0
    with pytest.raises(ModelError, match="mixes by SelfReader, expected Attention"):
        _ = description.stack.blocks[0].attention
