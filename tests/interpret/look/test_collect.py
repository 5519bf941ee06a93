"""What is shown is what the tracer saw, and no more than what was asked for."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from practicum.errors import ConfigError, ModelError, UnknownName
from practicum.interpret.look import contents
from practicum.interpret.look.collect import look
from practicum.interpret.look.contents import LEVELS, SECTIONS, Ask, as_data
from practicum.interpret.look.pictures import pictures
from practicum.interpret.look.translation import look_at_translation
from practicum.interpret.trace import trace
from practicum.models.build import build
from practicum.models.families.transformer import transformer

TEXT = "It was the best of times,"


def test_everything_that_is_shown_is_of_one_reading(model, tokenizer):
    found = look("tiny", model, tokenizer, TEXT, Ask(top=6, steps=4))
    ids = tokenizer.encode(TEXT)
    seen = trace(model, torch.tensor([ids]))
    assert [token.id for token in found.texts["text"]] == ids
    assert "".join(token.text for token in found.texts["text"]) == TEXT
    pattern = found.patterns[0]
    np.testing.assert_array_equal(pattern.weights, seen.over_layers("weights")[:, 0].numpy())
    assert found.stream is not None
    norm = float(seen.at("output", 2)[0, 1].norm())
    assert found.stream.norms["output"][2, 1] == pytest.approx(norm)
    assert list(found.stream.norms) == ["input", "attention", "mlp", "output"]
    assert found.next is not None
    p = seen.logits[0, -1, : tokenizer.size].softmax(-1)
    best = found.next[len(ids) - 1][0]
    assert best.token.id == int(p.argmax())
    assert best.probability == pytest.approx(float(p.max()), rel=1e-5)
    assert found.lens is not None
    assert found.lens.tokens[-1][-1][0] == best.token
    assert found.neighbours is not None
    assert set(found.neighbours) == set(ids)
    assert all(len(row) == 6 for row in found.neighbours.values())
    assert found.steps is not None
    assert 1 <= len(found.steps) <= 4
    assert found.beam is not None
    assert found.tally is not None
    assert found.tally.parameters == sum(one.numel() for one in model.parameters())
    shown = {token.id for row in found.next.values() for token in (one.token for one in row)}
    assert max(shown) < tokenizer.size, "ids that stand for nothing are never ranked"


@pytest.mark.parametrize("part", SECTIONS)
def test_one_part_alone_is_collected_alone(part, model, tokenizer):
    found = look("tiny", model, tokenizer, TEXT, Ask(what=(part,)))
    there = {
        "attention": bool(found.patterns),
        **{
            name: getattr(found, name) is not None
            for name in ("stream", "lens", "next", "neighbours", "steps", "beam", "tally")
        },
    }
    assert there == {name: name == part for name in SECTIONS}


def test_layers_and_positions_are_those_asked_for(model, tokenizer):
    found = look("tiny", model, tokenizer, TEXT, Ask(layers=(1, -1), positions=(0, -1)))
    last = len(tokenizer.encode(TEXT)) - 1
    pattern = found.patterns[0]
    assert (pattern.layers, pattern.positions) == ((1, 3), (0, last))
    assert pattern.weights.shape == (2, 4, 2, last + 1)
    assert found.next is not None
    assert set(found.next) == {0, last}


def test_a_translator_is_looked_at_from_both_sides(translator):
    found = look_at_translation(translator, TEXT, None, Ask(top=4))
    alignment, reading, writing = found.patterns
    assert (alignment.queries, alignment.keys) == ("written", "source")
    source, read = len(found.texts["source"]), len(found.texts["target"])
    assert alignment.weights.shape == (2, 4, read, source)
    assert reading.weights.shape == (2, 4, source, source)
    assert writing.weights.shape == (2, 4, read, read)
    assert found.texts["target"][0].id == translator.target.end, "it has no begin token"
    assert [t.id for t in found.texts["target"][1:]] == [t.id for t in found.texts["written"][:-1]]
    assert found.beam is not None
    given = look_at_translation(translator, TEXT, "the worst", Ask(what=("attention",)))
    said = [*translator.target.encode("the worst"), translator.target.end]
    assert [token.id for token in given.texts["written"]] == said
    assert given.beam is None


def test_a_tree_deeper_than_any_call_may_be_is_cut(translator):
    model = build(transformer(width=16, depth=1, heads=2, vocab=297, context=500), seed=1)
    with torch.no_grad():
        model.target_embedding.weight[translator.target.end] -= 100.0  # it never ends
    endless = replace(translator, model=model)
    found = look_at_translation(endless, TEXT * 45, None, Ask(what=("beam",), beam=1))
    assert len(found.texts["written"]) > 300
    assert json.dumps(as_data(found))


def test_data_is_json_and_packing_keeps_weights(model, tokenizer):
    found = look("tiny", model, tokenizer, TEXT, Ask())
    plain = json.loads(json.dumps(as_data(found)))
    np.testing.assert_allclose(
        plain["patterns"][0]["weights"], found.patterns[0].weights, rtol=1e-5
    )
    packed = as_data(found, packed=True)["patterns"][0]["weights"]
    raw = np.frombuffer(contents.base64.b64decode(packed["base64"]), dtype="<u2")
    back = raw.reshape(packed["shape"]) / LEVELS
    np.testing.assert_allclose(back, found.patterns[0].weights, atol=1 / LEVELS)


def test_every_part_has_a_picture(model, tokenizer, translator):
    drawn = pictures(look("tiny", model, tokenizer, TEXT, Ask()))
    assert set(drawn) == {"attention", "stream", "lens", "next", "tally"}
    drawn = pictures(look_at_translation(translator, TEXT, None, Ask()))
    assert {"alignment", "reading", "writing"} <= set(drawn)


def test_a_long_text_has_pictures_of_a_bounded_size(model, tokenizer):
    long = "".join(tokenizer.decode([20 + i]) for i in range(60))
    found = look("tiny", model, tokenizer, long, Ask(what=("lens", "stream"), positions=None))
    assert len(found.texts["text"]) > 40
    for figure in pictures(found).values():
        assert max(figure.get_size_inches()) < 35


def test_half_precision_is_looked_at(model, tokenizer):
    half = copy.deepcopy(model).bfloat16()
    found = look("tiny", half, tokenizer, TEXT, Ask())
    np.testing.assert_allclose(found.patterns[0].weights.sum(-1), 1.0, atol=0.02)


def test_what_cannot_be_shown_is_said(model, tokenizer, translator, monkeypatch):
    with pytest.raises(UnknownName, match="no part of a look 'lense'; did you mean lens"):
        Ask(what=("lense",))
    with pytest.raises(ConfigError, match="temperature is -1"):
        Ask(temperature=-1)
    with pytest.raises(ConfigError, match="top is 0"):
        Ask(top=0)
    with pytest.raises(ModelError, match="text is empty"):
        look("tiny", model, tokenizer, "", Ask())
    with pytest.raises(ModelError, match="text is empty"):
        look_at_translation(translator, "", None, Ask())
    with pytest.raises(ModelError, match="no layer 9: this model has layers 0 to 3"):
        look("tiny", model, tokenizer, TEXT, Ask(layers=(9,)))
    with pytest.raises(ModelError, match="does not fit this model's context of 64"):
        look("tiny", model, tokenizer, TEXT * 30, Ask())
    monkeypatch.setattr(contents, "LARGEST", 100)
    with pytest.raises(ConfigError, match="4 layers, 4 heads and .* ask for fewer layers"):
        look("tiny", model, tokenizer, TEXT, Ask())
