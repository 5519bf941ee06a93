"""The options of an engine reach it."""

import pytest
import torch

from practicum.cli.engine import Room
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.llama import llama
from practicum.models.packed_decoder import PackedDecoderModel
from practicum.serving.question import Question
from practicum.tokenizers.bytes import ByteTokenizer

SHAPE = llama(width=32, depth=2, heads=4, kv_heads=2, hidden=64, vocab=257, context=64)
ASKED = Question(ids=(65, 66, 67), sampling=Sampling(temperature=0.0, max_tokens=12))


def spoken(dtype=torch.float32):
    return LanguageModel(build(SHAPE, seed=1, dtype=dtype), ByteTokenizer())


def answered(room, model):
    worker = room.worker(model, waiting=3)
    try:
        assert worker.engine.settings.waiting == 3
        return worker.engine, next(worker.engine.answers([ASKED]))
    finally:
        worker.close()


def test_weights_are_laid_out_without_a_change_by_default():
    plain = next(spoken().generate([bytes(ASKED.ids).decode()], ASKED.sampling))
    engine, found = answered(Room(), spoken())
    assert type(engine.model) is PackedDecoderModel
    assert found.ids == plain.ids


def test_fewer_bits_and_drafts_can_be_asked_for():
    engine, _ = answered(Room(bits=4, lookup=True, rows=2, memory=0.01, chunk=8), spoken())
    matrices = {
        name: m.matrix.bits for name, m in engine.model.named_modules() if hasattr(m, "matrix")
    }
    assert matrices["embedding"] == 8
    assert matrices["stack.blocks.0.mixer.qkv"] == 4
    assert engine.settings.lookup == PromptLookup()
    assert (engine.settings.rows, engine.settings.chunk) == (2, 8)


def test_other_precisions_stay_as_they_are():
    engine, _ = answered(Room(), spoken(torch.float64))
    assert type(engine.model) is DecoderModel


def test_impossible_bits_are_refused():
    with pytest.raises(ConfigError, match="3 bits"):
        Room(bits=3).worker(spoken())
