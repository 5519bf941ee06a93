"""What a folder says of an encoder of sentences, and what is refused in it."""

from pathlib import Path

import pytest
from sentence_folders import CONTEXT, STEPS, TOKENS, plain_folder, sentence_folder, write

from practicum.errors import CheckpointError, ModelError, PracticumError, UnknownName
from practicum.models.sentence_folder import Pooling, embedder_assets, load_sentence_encoder

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


def test_a_plain_folder_takes_the_mean_and_all_the_context(tmp_path: Path):
    loaded = load_sentence_encoder(str(plain_folder(tmp_path / "small")))
    assert (loaded.pooling, loaded.longest) == (Pooling(how="mean", normalised=True), CONTEXT)
    assert (loaded.name, loaded.source) == ("small", str(tmp_path / "small"))


@pytest.mark.parametrize(
    ("pooling", "steps", "expected"),
    [
        (MEAN, STEPS, Pooling()),
        (MEAN, STEPS[:2], Pooling(normalised=False)),
        ({"pooling_mode_cls_token": True}, STEPS, Pooling(how="cls")),
        ({"pooling_mode_max_tokens": True}, STEPS[:2], Pooling(how="max", normalised=False)),
        ({"pooling_mode": "cls"}, STEPS, Pooling(how="cls")),
    ],
)
@pytest.mark.parametrize("body", ["", "0_Transformer"])
def test_the_steps_are_those_of_the_folder(pooling, steps, expected, body, tmp_path: Path):
    folder = sentence_folder(tmp_path / "x", pooling=pooling, steps=steps, longest=17, body=body)
    loaded = load_sentence_encoder(str(folder))
    assert (loaded.pooling, loaded.longest) == (expected, 17)


def test_the_longest_text_may_stand_with_the_tokenizer(tmp_path: Path):
    folder = plain_folder(tmp_path)
    for said, longest in ((12, 12), (1e30, CONTEXT)):
        write(folder / "tokenizer_config.json", {"model_max_length": said})
        assert load_sentence_encoder(str(folder)).longest == longest


def changed(folder: Path, name: str) -> None:
    places: dict[str, tuple[str, object]] = {
        "a step": (
            "modules.json",
            [{"type": f"a.{step}", "path": ""} for step in (*STEPS[:2], "Dense")],
        ),
        "no list": ("modules.json", {"a": 1}),
        "outside": ("modules.json", [{"type": f"a.{s}", "path": "../.."} for s in STEPS]),
        "pooling": ("1_Pooling/config.json", {"pooling_mode_lasttoken": True}),
        "two poolings": (
            "1_Pooling/config.json",
            {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
        ),
        "no pooling": ("1_Pooling/config.json", {}),
        "prompt": ("config_sentence_transformers.json", {"default_prompt_name": "query"}),
        "longest": ("sentence_bert_config.json", {"max_seq_length": 2}),
        "architecture": ("config.json", {"architectures": ["MPNetModel"]}),
    }
    place, data = places[name]
    write(folder / place, data)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("a step", ModelError, "steps are Transformer, Pooling, Dense; expected"),
        ("no list", CheckpointError, "not a list of steps"),
        ("outside", CheckpointError, "outside of it"),
        ("pooling", ModelError, "pooled by lasttoken; one of mean, max, cls is built"),
        ("two poolings", ModelError, "pooled by mean_tokens and max_tokens"),
        ("no pooling", ModelError, "pooled by nothing"),
        ("prompt", ModelError, "the prompt 'query' is to stand before every text"),
        ("longest", ModelError, "has 2 tokens; expected 3 or more"),
        ("architecture", ModelError, "MPNetModel, which is no encoder that is built"),
    ],
)
def test_what_is_not_built_is_refused_by_name(name, error, words, tmp_path: Path):
    folder = sentence_folder(tmp_path / "x", pooling=MEAN)
    changed(folder, name)
    with pytest.raises(error, match=words):
        load_sentence_encoder(str(folder))


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path):
    folder = plain_folder(tmp_path / "large", [*TOKENS, "?", "##ing"])
    with pytest.raises(CheckpointError, match="tokenizer of 61 tokens and an encoder of 59"):
        load_sentence_encoder(str(folder))
    folder = plain_folder(tmp_path / "bare", TOKENS[:2])
    with pytest.raises(CheckpointError, match=r"without \[CLS\] or \[SEP\]"):
        load_sentence_encoder(str(folder))


@pytest.mark.parametrize(
    ("reference", "error", "words"),
    [
        ("minilmm", UnknownName, "did you mean minilm"),
        ("./nowhere", CheckpointError, "nowhere is no folder; an embedder is named by"),
        (__file__, CheckpointError, "is no folder"),
        (str(Path(__file__).parent), CheckpointError, "neither modules.json nor config.json"),
    ],
)
def test_a_name_of_nothing_says_what_would_be_one(reference, error: type[PracticumError], words):
    with pytest.raises(error, match=words):
        load_sentence_encoder(reference)


def test_the_catalogue_has_an_embedder():
    assert embedder_assets() == ["minilm"]
