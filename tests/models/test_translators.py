"""A translator's folder: what is saved is loaded, and no verb takes one kind for the other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from sentencepiece import SentencePieceTrainer

from practicum.decoding.beam import Beam
from practicum.decoding.translate import Translator
from practicum.errors import CheckpointError, ConfigError, ModelError, TokenizerError
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.t5 import t5, t5_1_1
from practicum.models.families.transformer import annotated, transformer
from practicum.models.hugging_face import write_folder
from practicum.models.load import load
from practicum.models.save import save
from practicum.models.translators import load_translator, save_translator
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.offset_bytes import OffsetBytes
from practicum.tokenizers.sentencepiece_file import load_sentencepiece
from practicum.tokenizers.sentencepiece_model import read_sentencepiece
from practicum.tokenizers.text_to_text import TextToText

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


# Text-to-text models in folders of `transformers`

TEXTS = [
    "translate English to German: The cat sees a mouse.",
    "The <extra_id_0> sees  a <extra_id_1> mouse.",
    "naïve",
]


@pytest.fixture(scope="module")
def spiece(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T5's kind of SentencePiece file: padding, end and unknown first, no beginning."""
    lines = ["the cat sees the mouse", "an old goose likes a small cow.", *TEXTS] * 3
    file = tmp_path_factory.mktemp("spiece") / "spiece"
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(file),
        vocab_size=70,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return file.with_suffix(".model")


def their_tokenizer(spiece: Path) -> Any:
    model = read_sentencepiece(spiece.read_bytes())
    vocabulary = [(piece.text, piece.score) for piece in model.pieces]
    vocabulary += [(f"<extra_id_{number}>", 0.0) for number in reversed(range(100))]
    return transformers.T5Tokenizer(vocab=vocabulary, _spm_precompiled_charsmap=model.charsmap)


def of_transformers(kind: str, folder: Path, spiece: Path) -> Any:
    """A folder with a T5 and its tokenizer; returns the latter as `transformers` has it."""
    if kind == "byt5":
        theirs: Any = transformers.ByT5Tokenizer()
        model = t5_1_1(width=24, depth=3, decoder_depth=1, heads=3, hidden=32, vocab=384)
    else:
        theirs = their_tokenizer(spiece)
        model = t5(width=24, depth=2, heads=3, hidden=32, vocab=len(theirs) + 5)
    write_folder(build(model, seed=5), folder)
    if kind == "spiece":
        (folder / "spiece.model").write_bytes(spiece.read_bytes())
    else:
        theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize("kind", ["t5", "spiece", "byt5"])
def test_a_t5_of_transformers_answers_what_it_answers_there(
    kind: str, tmp_path: Path, spiece: Path
):
    tokenizer = of_transformers(kind, tmp_path / "t5", spiece)
    kept = load_translator(tmp_path / "t5")
    # that library gives sentinels rows of their own where ByT5 has them among the bytes
    texts = [text for text in TEXTS if kind != "byt5" or "<" not in text]
    for text in texts:
        assert kept.source.encode(text) == tokenizer(text).input_ids
    translator = Translator(model=kept.model, source=kept.source, target=kept.target)
    found = translator.translate(texts, beam=Beam(width=1, alpha=0.0))
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "t5").eval()
    for text, answer in zip(texts, found, strict=True):
        ids = tokenizer(text, return_tensors="pt").input_ids
        longest = ids.shape[1] + 50
        wanted = theirs.generate(ids, max_new_tokens=longest, do_sample=False, eos_token_id=1)
        said = [number for number in wanted[0, 1:].tolist() if number != 1]
        assert answer == kept.target.decode(said)
        if kind != "byt5":
            known = [number for number in said if number < len(tokenizer)]
            assert answer == tokenizer.decode(known, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("kind", ["t5", "spiece", "byt5"])
def test_a_t5_is_saved_as_transformers_has_it(kind: str, tmp_path: Path, spiece: Path):
    of_transformers(kind, tmp_path / "t5", spiece)
    kept = load_translator(tmp_path / "t5")
    save_translator(kept.model, tmp_path / "again", source=kept.source, target=kept.target)
    again = load_translator(tmp_path / "again")
    assert again.source.description() == kept.source.description()
    assert again.model.description == kept.model.description
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    assert theirs(TEXTS[0]).input_ids == kept.source.encode(TEXTS[0])
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "again")
    assert (model.config.decoder_start_token_id, model.config.eos_token_id) == (0, 1)
    other = build(transformer(width=16, depth=1, heads=2, vocab=kept.source.size))
    with pytest.raises(ModelError, match="no known architecture is this network"):
        save_translator(other, tmp_path / "other", source=kept.source, target=kept.target)


def test_folders_of_transformers_that_do_not_fit_together_are_named(tmp_path: Path, spiece: Path):
    folder = tmp_path / "t5"
    of_transformers("t5", folder, spiece)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"decoder_start_token_id": None, "pad_token_id": None})
    )
    with pytest.raises(ModelError, match="names no decoder_start_token_id"):
        load_translator(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="has no tokenizer"):
        load_translator(folder)
    small = t5(width=24, depth=2, heads=3, hidden=32, vocab=40)
    write_folder(build(small), folder, tokenizer=from_spiece(spiece))
    with pytest.raises(ModelError, match="ids for a model of 40; it is of another model"):
        load_translator(folder)


def from_spiece(spiece: Path) -> Any:
    tokenizer = load_sentencepiece(spiece)
    return type(tokenizer)(replace(tokenizer.model, prefix_parts=True))


def test_a_text_to_text_tokenizer_is_one_for_both_languages(tmp_path: Path):
    both = TextToText(OffsetBytes(), begin=0)
    model = build(t5_1_1(width=24, depth=1, heads=3, hidden=32, vocab=384))
    save_translator(model, tmp_path, source=both, target=both)
    kept = load_translator(tmp_path)
    assert kept.source is kept.target
    assert kept.source.description() == both.description()
