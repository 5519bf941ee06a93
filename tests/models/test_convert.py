"""A model goes from one layout to another and back without a number changed."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from practicum.errors import CheckpointError, ModelError
from practicum.models.build import build
from practicum.models.convert import convert
from practicum.models.families.llama import llama
from practicum.models.families.mixtral import mixtral
from practicum.models.families.t5 import t5
from practicum.models.hugging_face import open_folder, write_folder
from practicum.models.load import Stored, load
from practicum.models.own_folder import write_network
from practicum.models.safetensors_folder import WEIGHTS, open_weights, write_weights
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.offset_bytes import OffsetBytes

SMALL = llama(width=12, depth=2, heads=3, kv_heads=1, hidden=20, vocab=31)


@pytest.fixture
def theirs(tmp_path):
    model = build(SMALL, seed=1)
    write_folder(model, tmp_path / "theirs")
    return tmp_path / "theirs"


def assert_same(one, other):
    a, b = (load(str(folder)).model for folder in (one, other))
    for (name, p), (again, q) in zip(a.named_parameters(), b.named_parameters(), strict=True):
        assert name == again
        assert p.dtype == q.dtype
        assert torch.equal(p, q)


def test_there_and_back_changes_nothing(theirs, tmp_path):
    there = convert(str(theirs), tmp_path / "ours")
    assert (there.layout, there.parameters) == ("practicum", 31 * 12 * 2 + _block() * 2 + 12)
    assert_same(theirs, tmp_path / "ours")
    back = convert(str(tmp_path / "ours"), tmp_path / "again")
    assert (back.layout, back.architecture) == ("transformers", "LlamaForCausalLM")
    assert (theirs / WEIGHTS).read_bytes() == (tmp_path / "again" / WEIGHTS).read_bytes()
    assert json.loads((theirs / "config.json").read_text()) == json.loads(
        (tmp_path / "again" / "config.json").read_text()
    )


def _block() -> int:
    return 2 * 12 * 12 + 2 * 4 * 12 + 3 * 20 * 12 + 2 * 12


def test_experts_are_stacked_and_taken_apart_again(tmp_path):
    small = mixtral(width=8, depth=2, heads=2, kv_heads=1, hidden=6, vocab=17, experts=3)
    write_folder(build(small, seed=1), tmp_path / "theirs")
    convert(str(tmp_path / "theirs"), tmp_path / "ours")
    assert "stack.blocks.1.ffn.up.weight" in open_weights(tmp_path / "ours").tensors
    convert(str(tmp_path / "ours"), tmp_path / "again")
    first, again = (tmp_path / folder / WEIGHTS for folder in ("theirs", "again"))
    assert first.read_bytes() == again.read_bytes()


def test_shards_and_another_precision(theirs, tmp_path):
    done = convert(
        str(theirs),
        tmp_path / "half",
        layout="transformers",
        dtype=torch.bfloat16,
        max_shard_bytes=2000,
    )
    assert done.bytes == done.parameters * 2
    assert len(list((tmp_path / "half").glob("*.safetensors"))) > 2
    narrow, wide = (load(str(folder)).model for folder in (tmp_path / "half", theirs))
    for p, q in zip(narrow.parameters(), wide.parameters(), strict=True):
        assert torch.equal(p, q.bfloat16())


def test_tensors_of_two_precisions_keep_theirs(theirs, tmp_path):
    weights = open_weights(theirs)
    mixed = {
        name: weights.read(name).to(torch.float32 if "norm" in name else torch.bfloat16)
        for name in weights.tensors
    }
    write_weights(mixed, theirs, max_shard_bytes=10**9)
    convert(str(theirs), tmp_path / "ours")
    kinds = {n: t.dtype for n, t in open_weights(tmp_path / "ours").tensors.items()}
    assert {kind for name, kind in kinds.items() if "norm" in name} == {torch.float32}
    assert {kind for name, kind in kinds.items() if "norm" not in name} == {torch.bfloat16}


def test_what_holds_no_weights_is_told(theirs, tmp_path):
    weights = open_weights(theirs)
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    tensors = {key: weights.read(key) for key in weights.tensors}
    write_weights(tensors | {name: torch.ones(2)}, theirs, max_shard_bytes=10**9)
    assert convert(str(theirs), tmp_path / "ours").left == (name,)


def test_a_tokenizer_goes_along(tmp_path):
    bytes_too = llama(width=8, depth=1, heads=2, hidden=16, vocab=256)
    write_folder(build(bytes_too, seed=1), tmp_path / "theirs", tokenizer=ByteTokenizer())
    convert(str(tmp_path / "theirs"), tmp_path / "ours")
    assert load(str(tmp_path / "ours")).tokenizer is not None


def test_files_about_text_are_copied_as_they_are(theirs, tmp_path):
    (theirs / "generation_config.json").write_text('{"eos_token_id": 2}')
    (theirs / "spiece.model").write_bytes(b"pieces")
    convert(str(theirs), tmp_path / "ours")
    convert(str(tmp_path / "ours"), tmp_path / "again")
    assert (tmp_path / "again" / "generation_config.json").read_text() == '{"eos_token_id": 2}'
    assert (tmp_path / "again" / "spiece.model").read_bytes() == b"pieces"


def test_a_tokenizer_that_cannot_be_written_is_told_and_the_weights_are(theirs, tmp_path):
    stored = Stored(
        name="file",
        network=open_folder(theirs),
        tokenizer=OffsetBytes(384),
        chat_template=None,
        source="file.gguf",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("practicum.models.convert.open_stored", lambda reference: stored)
        done = convert("file.gguf", tmp_path / "again")
    assert "OffsetBytes cannot be written" in done.lacking
    assert_same(theirs, tmp_path / "again")


def test_an_encoder_decoder_goes_there_and_back(tmp_path):
    model = build(t5(width=8, depth=2, heads=2, head_width=3, hidden=12, vocab=20), seed=1)
    write_folder(model, tmp_path / "theirs")
    convert(str(tmp_path / "theirs"), tmp_path / "ours")
    convert(str(tmp_path / "ours"), tmp_path / "again")
    first, again = (tmp_path / folder / WEIGHTS for folder in ("theirs", "again"))
    assert first.read_bytes() == again.read_bytes()
    with pytest.raises(ModelError, match="a translator, expected a language model"):
        load(str(tmp_path / "ours"))


def test_a_network_that_no_architecture_is_keeps_our_layout_only(tmp_path):
    strange = llama(width=8, depth=2, heads=2, hidden=16, vocab=11)
    strange = replace(strange, cap=3.0)
    model = build(strange, seed=1)
    (tmp_path / "ours").mkdir()
    write_network(model, strange, tmp_path / "ours", max_shard_bytes=10**9)
    with pytest.raises(ModelError, match="no known architecture is this network"):
        convert(str(tmp_path / "ours"), tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()
    convert(str(tmp_path / "ours"), tmp_path / "copy", layout="practicum")
    assert_same(tmp_path / "ours", tmp_path / "copy")


def test_numbers_that_are_none_are_reported_and_nothing_is_written(theirs, tmp_path):
    weights = open_weights(theirs)
    tensors = {name: weights.read(name) for name in weights.tensors}
    tensors["model.norm.weight"][3] = float("nan")
    write_weights(tensors, theirs, max_shard_bytes=10**9)
    with pytest.raises(CheckpointError, match=r"12 numbers of model\.norm\.weight 1 are NaN"):
        convert(str(theirs), tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
    with pytest.raises(CheckpointError, match="NaN"):
        load(str(theirs))


def test_a_missing_shard_and_a_tensor_in_two_are_named(theirs, tmp_path):
    convert(str(theirs), tmp_path / "many", layout="transformers", max_shard_bytes=2000)
    shards = sorted((tmp_path / "many").glob("*.safetensors"))
    index = json.loads((tmp_path / "many" / "model.safetensors.index.json").read_text())
    saved = shards[1].read_bytes()
    shards[1].write_bytes(shards[0].read_bytes())
    with pytest.raises(CheckpointError, match=r"is in model-00001.* and in model-00002"):
        load(str(tmp_path / "many"))
    shards[1].unlink()
    with pytest.raises(CheckpointError, match=r"lacks the shard model-00002"):
        load(str(tmp_path / "many"))
    shards[1].write_bytes(saved)
    assert set(index["weight_map"].values()) == {shard.name for shard in shards}
    assert_same(theirs, tmp_path / "many")


def test_a_name_given_twice_in_one_file_is_reported(theirs):
    place = theirs / WEIGHTS
    data = place.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].replace(
        b"model.layers.0.input_layernorm.weight", b"model.layers.1.input_layernorm.weight"
    )
    place.write_bytes(data[:8] + header + data[8 + length :])
    with pytest.raises(CheckpointError, match="twice"):
        load(str(theirs))


MEASURE = """
import sys
from practicum.models.convert import convert
from practicum.models.load import load
def peak():  # of this process alone: ru_maxrss would be its parent's, had that been larger
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
convert(sys.argv[1], sys.argv[2] + "-warm")
before = peak()
convert(sys.argv[3], sys.argv[2])
print((peak() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak")
def test_converting_needs_far_less_memory_than_the_checkpoint_has(theirs, tmp_path):
    large = llama(width=512, depth=16, heads=8, vocab=8000)
    model = build(large, seed=1)
    size = sum(p.nbytes for p in model.parameters())
    write_folder(model, tmp_path / "large")
    del model
    grown = subprocess.run(
        [sys.executable, "-c", MEASURE, theirs, tmp_path / "out", tmp_path / "large"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert 0 < int(grown.stdout) < 0.5 * size
