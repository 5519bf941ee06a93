"""The published numbers of parameters, by category, are exact."""

from typing import Any

import pytest
import torch

from practicum.interpret.tally import by_place, tally
from practicum.models.build import build, parameters_of
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import SIZES, llama
from practicum.models.families.transformer import annotated, reader, transformer

GPT3 = gpt2(width=12_288, depth=96, heads=96, context=2048)
SHAPE: dict[str, Any] = {"width": 32, "depth": 2, "heads": 4, "context": 24}


def test_gpt3_is_the_videos_to_the_last_weight():
    found = tally(GPT3)
    assert {row.name: row.weights for row in found.rows} == {
        "embedding": 617_558_016,
        "key": 14_495_514_624,
        "query": 14_495_514_624,
        "value": 14_495_514_624,
        "output": 14_495_514_624,
        "up-projection": 57_982_058_496,
        "down-projection": 57_982_058_496,
        "unembedding": 617_558_016,
    }
    assert found.shown == 175_181_291_520
    assert found.matrices == 27_938
    assert found.parameters == 174_604_259_328 == parameters_of(GPT3)
    assert found.shared == 617_558_016


def test_smollm2_has_a_gate_and_norms_beside_the_categories():
    found = tally(SIZES["smollm2-135M"][0])
    assert found.parameters == 134_515_008
    assert {row.name: row.weights for row in found.rest} == {
        "gate-projection": 30 * 576 * 1536,
        "norms": 61 * 576,
    }
    key = found.rows[1]
    assert (key.matrices, key.weights) == (30 * 3, 30 * 192 * 576)


def test_gpt2_small_place_by_place():
    table = {
        part.name: (part.each, part.times) for part in by_place(gpt2(width=768, depth=12, heads=12))
    }
    assert table == {
        "embedding": (38_597_376, 1),
        "positions": (786_432, 1),
        "stack.blocks.*.mixer_norm": (1_536, 12),
        "stack.blocks.*.mixer.qkv": (1_771_776, 12),
        "stack.blocks.*.mixer.out": (590_592, 12),
        "stack.blocks.*.ffn_norm": (1_536, 12),
        "stack.blocks.*.ffn.up": (2_362_368, 12),
        "stack.blocks.*.ffn.down": (2_360_064, 12),
        "stack.final_norm": (1_536, 1),
    }
    assert sum(each * times for each, times in table.values()) == 124_439_808


MODELS = {
    "llama": llama(**SHAPE, vocab=50, kv_heads=2, hidden=48, tied=False),
    "gpt2": gpt2(**SHAPE, vocab=50),
    "transformer": transformer(**SHAPE, vocab=50),
    "of two vocabularies": transformer(**SHAPE, vocab=50, source_vocab=40),
    "annotated": annotated(
        width=32, depth=2, heads=4, source_vocab=50, target_vocab=40, hidden=48, context=24
    ),
    "reader": reader(**SHAPE, vocab=50, outputs=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_no_parameter_is_forgotten_or_counted_twice(name):
    model = build(MODELS[name], seed=1, dtype=torch.float64)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert tally(model).parameters == tally(MODELS[name]).parameters == count
    assert sum(part.total for part in by_place(model)) == count
