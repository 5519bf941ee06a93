"""Whatever names a model gives it, with its tokenizer and template, or an error that helps."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from practicum.data.fetch import locate
from practicum.errors import AssetError, CheckpointError, UnknownName
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.load import load, loadable
from practicum.models.save import save
from practicum.nn.positions import SinusoidalPositions
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.chat import ChatTemplate

GPT2 = gpt2(width=16, depth=1, heads=2, vocab=257, context=32)
LLAMA = llama(width=16, depth=1, heads=2, vocab=257, hidden=24)
UNNAMED = replace(GPT2, positions=SinusoidalPositions())  # no architecture of transformers

SHARD = 8000  # bytes: three to five shards

DESCRIPTIONS = {"gpt2": GPT2, "llama": LLAMA, "of our own": UNNAMED}


def assert_same(one: DecoderModel, other: DecoderModel) -> None:
    assert one.description == other.description
    theirs = dict(other.named_parameters())
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, theirs[name]), name


@pytest.mark.parametrize("what", DESCRIPTIONS)
@pytest.mark.parametrize("most", [SHARD, 10**9])
def test_what_is_saved_is_loaded(what: str, most: int, tmp_path: Path):
    model = build(DESCRIPTIONS[what], seed=3)
    template = ChatTemplate("{{ bos_token }}{{ messages[0].content }}", bos="<a>", eos="<b>")
    folder = tmp_path / "saved" / "model"
    save(
        model,
        folder,
        tokenizer=ByteTokenizer(),
        chat_template=template,
        max_shard_bytes=most,
    )
    loaded = load(str(folder))
    assert (loaded.name, loaded.source) == ("model", str(folder))
    assert_same(loaded.model, model)
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.description() == ByteTokenizer().description()
    assert loaded.tokenizer.end == ByteTokenizer().end
    assert loaded.chat_template is not None
    assert loaded.chat_template.render([{"role": "user", "content": "hi"}]) == "<a>hi"
    assert loaded.chat_template.eos == "<b>"
    assert not list(folder.parent.glob(".*"))  # nothing half-made is left beside it


def test_a_folder_of_weights_alone_has_no_tokenizer(tmp_path: Path):
    save(build(GPT2), tmp_path / "model")
    loaded = load(str(tmp_path / "model"), dtype=torch.float64)
    assert loaded.tokenizer is None
    assert loaded.chat_template is None
    assert loaded.model.embedding.weight.dtype == torch.float64


def test_templates_are_found_where_older_releases_kept_them(tmp_path: Path):
    save(build(GPT2), tmp_path)
    several = [{"name": "tools", "template": "no"}, {"name": "default", "template": "yes"}]
    config = {"chat_template": several, "bos_token": {"content": "<s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    template = load(str(tmp_path)).chat_template
    assert template is not None
    assert (template.source, template.bos, template.eos) == ("yes", "<s>", "")


REPLACEMENTS: dict[str, tuple[Decoder, int, Decoder, int]] = {
    "same shape": (GPT2, 10**9, GPT2, 10**9),
    "one file by shards": (GPT2, 10**9, GPT2, SHARD),
    "shards by one file": (GPT2, SHARD, GPT2, 10**9),
    "shards by as many shards": (GPT2, SHARD, GPT2, SHARD),
    "one family by another": (GPT2, SHARD, LLAMA, 10**9),
    "theirs by ours": (GPT2, 10**9, UNNAMED, SHARD),
    "ours by theirs": (UNNAMED, 10**9, GPT2, 10**9),
}


@pytest.mark.parametrize("what", REPLACEMENTS)
def test_saving_over_a_model_replaces_it_and_nothing_else(what: str, tmp_path: Path):
    before, most_before, after, most_after = REPLACEMENTS[what]
    save(build(before, seed=1), tmp_path, max_shard_bytes=most_before)
    (tmp_path / "notes.txt").write_text("mine")
    save(build(after, seed=2), tmp_path, max_shard_bytes=most_after)
    assert_same(load(str(tmp_path)).model, build(after, seed=2))
    assert (tmp_path / "notes.txt").read_text() == "mine"
    single = len(list(tmp_path.glob("*.safetensors"))) == 1
    assert single == (most_after > SHARD)


class Killed(BaseException):
    """As good as a kill: no handler of the library catches it."""


@pytest.mark.parametrize("what", REPLACEMENTS)
def test_a_save_cut_short_leaves_the_old_the_new_or_nothing_that_loads(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before, most_before, after, most_after = REPLACEMENTS[what]
    old, new = build(before, seed=1), build(after, seed=2)
    for survived in range(40):
        folder = tmp_path / str(survived)
        save(old, folder, max_shard_bytes=most_before)
        with monkeypatch.context() as patch:
            left = [survived]
            patch.setattr("os.replace", dying(left, os.replace))
            patch.setattr(Path, "unlink", dying(left, Path.unlink))
            try:
                save(new, folder, max_shard_bytes=most_after)
            except Killed:
                pass
            else:
                return
        try:
            found = load(str(folder)).model
        except CheckpointError:
            continue
        expected = old if torch.equal(found.embedding.weight, old.embedding.weight) else new
        assert_same(found, expected)
    pytest.fail("the save never came to its end")


def dying(left: list[int], action: Callable[..., object]) -> Callable[..., object]:
    """`action`, until it has been done `left[0]` times in all."""

    def done(*arguments: object, **options: object) -> object:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return action(*arguments, **options)

    return done


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot write"):
        save(build(GPT2), tmp_path / "file" / "model")


NAMED_WRONG = {
    "smolm2": (UnknownName, "did you mean smollm2.*a .gguf file.*owner/name"),
    "./nowhere": (CheckpointError, "no file or folder"),
    "nowhere.gguf": (CheckpointError, "no file or folder nowhere.gguf"),
    "a/model.safetensors": (CheckpointError, "name the folder"),
    "nobody/nothing": (AssetError, "no folder nobody/nothing here"),
    "gemma3-270m": (AssetError, "licence"),
}


@pytest.mark.parametrize("reference", NAMED_WRONG)
def test_a_name_that_leads_nowhere_is_explained(reference: str):
    kind, words = NAMED_WRONG[reference]
    if reference == "gemma3-270m" and locate(reference) is not None:
        pytest.skip("its licence has been accepted on this machine")
    with pytest.raises(kind, match=words) as told:
        load(reference)
    assert "\n" not in str(told.value)


def test_a_folder_that_is_no_model_and_a_file_that_is_no_gguf_are_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="not a model's folder"):
        load(str(tmp_path))
    (tmp_path / "model.txt").write_text("hello")
    with pytest.raises(CheckpointError, match="not a GGUF file"):
        load(str(tmp_path / "model.txt"))


def test_without_the_hub_library_its_names_say_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AssetError, match=r"pip install 'practicum\[hub\]'"):
        load("owner/name")


def test_models_in_the_hub_cache_are_listed_where_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--owner--tiny" / "snapshots" / "abc"
    save(build(GPT2), kept)
    other = tmp_path / "models--owner--else" / "snapshots" / "abc" / "config.json"
    other.parent.mkdir(parents=True)
    other.write_text('{"architectures": ["FalconForCausalLM"]}')
    named = {model.name: model for model in loadable()}
    assert named["owner/tiny"].path == kept
    assert named["owner/tiny"].about == "GPT2LMHeadModel"
    assert "owner/else" not in named
    assert named["smollm2"].kind == "asset"


def test_smollm2_comes_with_its_tokenizer_and_template():
    if locate("smollm2") is None:
        pytest.skip("the asset is not here: `practicum data add smollm2`")
    loaded = load("smollm2")
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.size == 49_152
    assert loaded.chat_template is not None
    text = loaded.chat_template.render([{"role": "user", "content": "What is 2 + 2?"}])
    assert text.endswith("<|im_start|>assistant\n")
    ids = torch.tensor([loaded.tokenizer.encode("The capital of France is")])
    with torch.inference_mode():
        best = int(loaded.model(ids)[0, -1].argmax())
    assert loaded.tokenizer.decode([best]) == " Paris"
