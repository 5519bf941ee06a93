"""Listening changes no bit; what is kept is what `transformers` says; edits do what they say."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from practicum.data.fetch import locate
from practicum.errors import ConfigError, ModelError, UnknownName
from practicum.interpret.edits import Edit, blocked, replaced, with_pattern, without_heads
from practicum.interpret.kept import EVERYTHING, Keep
from practicum.interpret.trace import trace, trace_translation
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.transformer import annotated, reader, transformer
from practicum.models.hugging_face import write_folder
from practicum.models.load import load
from practicum.seeding import stream

SHAPE: dict[str, Any] = {"width": 32, "depth": 3, "heads": 4, "vocab": 50, "context": 24}
FAMILIES = {"gpt2": gpt2(**SHAPE), "llama": llama(**SHAPE, kv_heads=2, hidden=48)}
TRANSLATORS = {
    "transformer": transformer(**SHAPE),
    "annotated": annotated(
        width=32, depth=2, heads=4, source_vocab=50, target_vocab=40, hidden=48, context=24
    ),
}


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(40, (2, 12), generator=stream(0, "ids"))


def made(description):
    """A network in which every part matters."""
    model = build(description, seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter += 0.15 * torch.randn(parameter.shape, generator=stream(2, name))
    return model


@pytest.fixture(params=FAMILIES)
def model(request):
    return made(FAMILIES[request.param])


def test_listening_changes_no_bit(model, ids):
    with torch.no_grad():
        plain = model(ids)
    seen = trace(model, ids)
    assert torch.equal(seen.logits, plain)
    assert torch.equal(model.logits(seen.at("final")), plain)
    with torch.inference_mode():
        assert torch.equal(trace(model, ids).logits, model(ids))
    assert torch.equal(model(ids), plain), "no listener stays behind"


def test_the_stream_is_the_sum_of_what_was_added(model, ids):
    seen = trace(model, ids)
    for layer in range(3):
        added = seen.at("attention", layer) + seen.at("mlp", layer)
        torch.testing.assert_close(seen.at("output", layer) - seen.at("input", layer), added)
    assert torch.equal(seen.at("output", 0), seen.at("input", 1))
    torch.testing.assert_close(model.stack.final_norm(seen.at("output", 2)), seen.at("final"))
    assert torch.equal(seen.at("token"), model.embedding(ids))
    places = seen.at("place") if seen.has("place") else 0
    assert torch.equal(seen.at("token") + places, seen.at("input", 0))


def test_heads_mix_values_by_their_weights(model, ids):
    seen = trace(model, ids)
    for layer in range(3):
        values = seen.at("values", layer)
        values = values.repeat_interleave(4 // values.shape[1], dim=1)
        torch.testing.assert_close(seen.at("weights", layer) @ values, seen.at("mixed", layer))
        assert torch.all(seen.at("weights", layer).triu(1) == 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_those_of_transformers(family, ids, tmp_path):
    transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
    model = made(FAMILIES[family])
    write_folder(model, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="eager"
    )
    with torch.no_grad():
        said = theirs.eval()(ids, output_hidden_states=True, output_attentions=True)
    seen = trace(model, ids)
    hidden = [*(seen.at("input", layer) for layer in range(3)), seen.at("final")]
    assert len(said.hidden_states) == len(hidden)
    for ours, other in zip(hidden, said.hidden_states, strict=True):
        assert torch.dist(ours, other) <= 1e-5 * torch.linalg.vector_norm(other)
    for layer, other in enumerate(said.attentions):
        torch.testing.assert_close(seen.at("weights", layer), other, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(seen.logits, said.logits, atol=1e-4, rtol=1e-4)
    best = said.logits.topk(5).indices
    assert torch.equal(seen.logits.topk(5).indices, best)


def test_smollm2s_first_layers_are_those_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
    if locate("smollm2") is None:
        pytest.skip("the asset is not here: `practicum data add smollm2`")
    loaded = load("smollm2")
    stack = replace(loaded.model.description.stack, depth=3)
    cut = replace(loaded.model.description, stack=stack, vocab=8192)  # its commonest tokens
    model = build(cut, device="meta")
    there = loaded.model.state_dict()
    there["embedding.weight"] = there["embedding.weight"][:8192]
    model.load_state_dict({name: there[name] for name in model.state_dict()}, assign=True)
    write_folder(model, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="eager"
    )
    assert loaded.tokenizer is not None
    ids = torch.tensor([loaded.tokenizer.encode("They sat on the bank of the river for an hour.")])
    assert ids.max() < 8192
    with torch.no_grad():
        said = theirs.eval()(ids, output_hidden_states=True, output_attentions=True)
    seen = trace(model, ids)
    hidden = [*(seen.at("input", layer) for layer in range(3)), seen.at("final")]
    for ours, other in zip(hidden, said.hidden_states, strict=True):
        assert torch.dist(ours, other) <= 1e-4 * torch.linalg.vector_norm(other)
    for layer, other in enumerate(said.attentions):
        torch.testing.assert_close(seen.at("weights", layer), other, atol=1e-5, rtol=1e-4)
    assert torch.dist(seen.logits, said.logits) <= 1e-3 * torch.linalg.vector_norm(said.logits)
    assert torch.equal(seen.logits.topk(5).indices, said.logits.topk(5).indices)


def test_what_was_not_asked_for_is_not_kept(model, ids):
    everything = trace(model, ids)
    some = trace(model, ids, Keep(what=("output", "weights"), layers=(1,), positions=(3, -1)))
    assert set(some.kept) == {("output", 1), ("weights", 1)}
    assert some.nbytes == 4 * (2 * 2 * 32 + 2 * 4 * 2 * 12)
    assert torch.equal(some.at("output", 1), everything.at("output", 1)[:, [3, 11]])
    assert torch.equal(some.at("weights", 1), everything.at("weights", 1)[:, :, [3, 11]])
    with pytest.raises(UnknownName, match="no kept value 'output of layer 2'"):
        some.at("output", 2)


def test_no_tensor_of_another_layer_stays_in_memory(model, ids):
    alive: list[weakref.ref[Tensor]] = []
    handles = [
        block.register_forward_hook(lambda _m, _x, y: alive.append(weakref.ref(y)))
        for block in model.stack.blocks
    ]
    kept = trace(model, ids, Keep(what=("output",), layers=(1,)))
    for handle in handles:
        handle.remove()
    gc.collect()
    assert [one() is not None for one in alive] == [False, True, False]
    assert kept.at("output", 1).untyped_storage().nbytes() == kept.nbytes


@pytest.mark.parametrize("what", ["token", "input", "attention", "mlp", "output", "mixed", "final"])
def test_a_value_put_in_its_own_place_changes_no_bit(what, model, ids):
    plain = trace(model, ids)
    layers = (0, 2) if what not in ("token", "final") else None
    same = Edit(what=what, change=lambda value: value.clone(), layers=layers)
    assert torch.equal(trace(model, ids, edits=[same]).logits, plain.logits)
    patch = plain.at(what, None if layers is None else 2)
    put = replaced(what, patch, layers=None if layers is None else (2,))
    assert torch.equal(trace(model, ids, edits=[put]).logits, plain.logits)
    itself = with_pattern(plain.at("weights", 1), layers=(1,))
    assert torch.equal(trace(model, ids, edits=[itself]).logits, plain.logits)


def test_a_patched_position_alone_is_another(model, ids):
    other = trace(model, ids.flip(1))
    put = replaced("output", other.at("output", 0)[:, [4]], layers=(0,), positions=(4,))
    plain, patched = trace(model, ids), trace(model, ids, edits=[put])
    assert torch.equal(patched.at("input", 1)[:, 4], other.at("output", 0)[:, 4])
    assert torch.equal(patched.logits[:, :4], plain.logits[:, :4])
    assert not torch.allclose(patched.logits[:, 4:], plain.logits[:, 4:])


def test_a_head_that_is_left_out_gathers_nothing(model, ids):
    seen = trace(model, ids, edits=[without_heads(1, 2)])
    assert torch.all(seen.at("mixed", 1)[:, 2] == 0)
    plain = trace(model, ids)
    torch.testing.assert_close(seen.at("mixed", 1)[:, :2], plain.at("mixed", 1)[:, :2])
    assert not torch.allclose(seen.logits, plain.logits)


def test_patterns_are_put_in_place_of_patterns(model, ids):
    seen = trace(model, ids, edits=[with_pattern("identity"), with_pattern("uniform", layers=(2,))])
    assert torch.equal(seen.at("weights", 1)[0, 0], torch.eye(12))
    rows = torch.arange(1, 13)
    torch.testing.assert_close(
        seen.at("weights", 2)[1, 3], torch.ones(12, 12).tril() / rows[:, None]
    )
    half = trace(model, ids, edits=[with_pattern("identity", layers=(1,), heads=(0,))])
    assert torch.equal(half.at("weights", 1)[:, 0], torch.eye(12).expand(2, -1, -1))
    assert torch.equal(half.at("weights", 1)[:, 1:], trace(model, ids).at("weights", 1)[:, 1:])


def test_a_blocked_edge_is_what_a_mask_gives(model, ids):
    plain, walled = trace(model, ids), trace(model, ids, edits=[blocked([(7, 3), (0, 0)])])
    weights = walled.at("weights", 0)
    assert torch.all(weights[:, :, 7, 3] == 0)
    assert torch.all(weights[:, :, 0] == 0)
    row = plain.at("weights", 0)[:, :, 7].clone()
    row[:, :, 3] = 0
    torch.testing.assert_close(weights[:, :, 7], row / row.sum(-1, keepdim=True))


def test_edits_have_gradients(model, ids):
    seen = trace(model, ids, edits=[blocked([(7, 3)])], gradients=True)
    seen.logits.sum().backward()
    assert model.embedding.weight.grad is not None
    assert not trace(model, ids).logits.requires_grad


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_is_traced_on_both_sides(name, ids):
    model = made(TRANSLATORS[name])
    real = torch.arange(12) < torch.tensor([12, 7])[:, None]
    target = ids[:, :5]
    seen = trace_translation(model, ids, target, real=real)
    with torch.no_grad():
        assert torch.equal(seen.logits, model(ids, target, real))
    assert seen.source is not None
    assert seen.source.at("weights", 0).shape == (2, 4, 12, 12)
    assert seen.at("cross_weights", 1).shape == (2, 4, 5, 12)
    assert torch.all(seen.at("cross_weights", 0)[1, :, :, 7:] == 0)
    if name == "annotated":  # norms before the parts
        parts = [seen.at(what, 1) for what in ("input", "attention", "cross", "mlp")]
        torch.testing.assert_close(seen.at("output", 1), sum(parts[1:], parts[0]))
    walled = trace_translation(model, ids, target, edits=[blocked([(4, 2)], cross=True)])
    assert torch.all(walled.at("cross_weights", 1)[:, :, 4, 2] == 0)
    assert torch.equal(
        walled.at("weights", 0), trace_translation(model, ids, target).at("weights", 0)
    )


def test_an_encoder_is_traced(ids):
    model = made(reader(width=32, depth=2, heads=4, vocab=50, outputs=3, context=24))
    real = torch.arange(12) < torch.tensor([12, 7])[:, None]
    seen = trace(model, ids, real=real)
    with torch.no_grad():
        assert torch.equal(seen.logits, model(ids, real))
    uniform = trace(model, ids, real=real, edits=[with_pattern("uniform")])
    torch.testing.assert_close(uniform.at("weights", 1)[1, 0, 0, :7], torch.full((7,), 1 / 7))


def test_a_cache_is_traced_while_it_fills(model, ids):
    state = model.new_state(2, 12)
    trace(model, ids[:, :7], Keep(what=()), past=state)
    later = trace(model, ids[:, 7:], past=state)
    torch.testing.assert_close(later.logits, trace(model, ids).logits[:, 7:])
    assert later.at("weights", 0).shape == (2, 4, 5, 12)


def test_what_does_not_exist_is_named(model, ids):
    with pytest.raises(UnknownName, match="no value of a trace 'atention'; did you mean attention"):
        Keep(what=("atention",))
    with pytest.raises(ModelError, match="no layer 7: this model has layers 0 to 2"):
        trace(model, ids, Keep(layers=(7,)))
    with pytest.raises(ModelError, match="no position 12: this text has positions 0 to 11"):
        trace(model, ids, Keep(positions=(12,)))
    with pytest.raises(ModelError, match="no head 4: layer 1 has heads 0 to 3"):
        trace(model, ids, edits=[without_heads(1, 4)])
    with pytest.raises(ModelError, match="no layer 3"):
        trace(model, ids, edits=[without_heads(3, 0)])
    with pytest.raises(ModelError, match="no tokens"):
        trace(model, ids[:, :0], EVERYTHING)
    with pytest.raises(ModelError, match="a text of 36 tokens does not fit"):
        trace(model, ids.repeat(1, 3))
    with pytest.raises(ConfigError, match="'logits' cannot be edited"):
        Edit(what="logits", change=lambda value: value)
