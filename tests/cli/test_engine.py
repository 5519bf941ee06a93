"""The options of an engine reach it."""

from dataclasses import replace

import pytest
import torch

from practicum.cli.engine import Room
from practicum.decoding.draft_model import DraftModel
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.decoder import DecoderModel
from practicum.models.families.llama import llama
from practicum.models.packed_decoder import PackedDecoderModel
from practicum.serving.question import Question
from practicum.tokenizers.bpe_training import train_bpe
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
    assert engine.settings.drafts == PromptLookup()
    assert (engine.settings.rows, engine.settings.chunk) == (2, 8)


def test_other_precisions_stay_as_they_are():
    engine, _ = answered(Room(), spoken(torch.float64))
    assert type(engine.model) is DecoderModel


def test_impossible_bits_are_refused():
    with pytest.raises(ConfigError, match="3 bits"):
        Room(bits=3).worker(spoken())


@pytest.fixture
def loaded(monkeypatch):
    """Lets a test say what a draft's name stands for; how it was asked for is kept."""
    asked = []

    def name(model):
        def read(speaker):
            asked.append((speaker.model, speaker.device, speaker.dtype))
            return model

        monkeypatch.setattr("practicum.cli.engine.Speaker.read", read)
        return asked

    return name


def test_a_model_that_drafts_is_loaded_beside_the_other_and_changes_no_answer(loaded):
    asked = loaded(spoken())
    _, plain = answered(Room(), spoken())
    engine, found = answered(Room(draft="small", draft_bits=8, drafted=3), spoken())
    assert found.ids == plain.ids
    assert asked == [("small", "cpu", "float32")]
    drafts = engine.settings.drafts
    assert isinstance(drafts, DraftModel)
    assert drafts.coupled
    assert drafts.model.embedding.matrix.bits == 8
    assert engine.settings.drafted == 3
    assert engine.load.drafted_rightly > 0


def test_a_draft_with_another_tokenizer_is_refused_in_one_line(loaded):
    longer, other = train_bpe(["ab" * 9], vocab=258), train_bpe(["cd" * 9], vocab=257)
    for tokenizer, words in (longer, "258 tokens and 257"), (other, "257 tokens and 257, id "):
        loaded(LanguageModel(build(replace(SHAPE, vocab=258), seed=1), tokenizer))
        with pytest.raises(ModelError, match=f"--draft small has another.*: {words}") as refused:
            Room(draft="small").worker(spoken())
        assert "\n" not in str(refused.value)


def test_options_of_drafts_that_do_not_go_together_are_refused():
    with pytest.raises(ConfigError, match="--lookup and --draft exclude each other"):
        Room(lookup=True, draft="small")
    with pytest.raises(ConfigError, match="give --draft, too"):
        Room(draft_bits=4)
    with pytest.raises(ConfigError, match="drafted is 0"):
        Room(drafted=0).worker(spoken())
