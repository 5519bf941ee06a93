"""A translator's folder: what is saved is loaded, and no verb takes one kind for the other."""

from pathlib import Path

import pytest
import torch

from practicum.errors import CheckpointError, ConfigError, ModelError, TokenizerError
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import annotated, transformer
from practicum.models.load import load
from practicum.models.save import save
from practicum.models.translators import load_translator, save_translator
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()
OTHER = train_bpe(["ein Haus und noch ein Haus"], 262, specials=("<|end|>", "<|begin|>"))
DESCRIPTIONS = {
    "one vocabulary": (
        transformer(width=16, depth=1, heads=2, vocab=BYTES.size, context=32),
        BYTES,
        BYTES,
    ),
    "recurrent": (
        rnnsearch(source_vocab=BYTES.size, target_vocab=OTHER.size, embedding=8, width=12, units=6),
        BYTES,
        OTHER,
    ),
    "two vocabularies": (
        annotated(
            width=16,
            depth=1,
            heads=2,
            hidden=24,
            source_vocab=BYTES.size,
            target_vocab=OTHER.size,
        ),
        BYTES,
        OTHER,
    ),
}


@pytest.fixture(params=DESCRIPTIONS)
def kept(request, tmp_path: Path):
    """A translator, its tokenizers, and the folder that it was saved to."""
    description, source, target = DESCRIPTIONS[request.param]
    model = build(description, seed=3)
    save_translator(model, tmp_path / "kept", source=source, target=target)
    return model, source, target, tmp_path / "kept"


def test_what_is_saved_is_loaded(kept):
    model, source, target, folder = kept
    loaded = load_translator(folder)
    assert loaded.name == "kept"
    assert loaded.model.description == model.description
    theirs = dict(loaded.model.named_parameters())
    assert theirs.keys() == dict(model.named_parameters()).keys()
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, theirs[name]), name
    assert loaded.source.description() == source.description()
    assert loaded.target.description() == target.description()
    assert (loaded.target.end, loaded.target.begin) == (target.end, target.begin)
    assert not list(folder.parent.glob(".*"))


def test_a_translator_that_is_saved_over_another_leaves_nothing_of_it(tmp_path: Path):
    for description, source, target in DESCRIPTIONS.values():
        save_translator(build(description), tmp_path / "kept", source=source, target=target)
        loaded = load_translator(tmp_path / "kept")
        assert loaded.source.description() == source.description()
        assert loaded.target.description() == target.description()


def test_what_wants_a_language_model_refuses_a_translator(kept):
    with pytest.raises(ModelError, match="kept holds a translator, expected a language model"):
        load(str(kept[-1]))


def test_what_wants_a_translator_refuses_a_language_model(tmp_path: Path):
    save(build(gpt2(width=16, depth=1, heads=2, vocab=257, context=32)), tmp_path / "gpt2")
    with pytest.raises(ModelError, match="gpt2 holds a language model, which does not translate"):
        load_translator(tmp_path / "gpt2")


def test_folders_that_are_none_or_damaged_are_named(kept, tmp_path: Path):
    with pytest.raises(CheckpointError, match="no folder .*nothing"):
        load_translator(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="is not a model's folder"):
        load_translator(tmp_path)
    folder = kept[-1]
    (folder / "source_tokenizer.json").unlink()
    with pytest.raises(TokenizerError, match=r"source_tokenizer\.json"):
        load_translator(folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_translator(folder)
    (folder / "description.json").write_text('{"kind": "EncoderDecoder", "context": "wide"}')
    with pytest.raises(ConfigError):
        load_translator(folder)
