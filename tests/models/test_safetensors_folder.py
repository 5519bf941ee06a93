"""Our safetensors files are everybody's, and damage is always told as a CheckpointError."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from practicum.errors import CheckpointError
from practicum.models.safetensors_folder import (
    DTYPES,
    INDEX,
    WEIGHTS,
    StoredWeights,
    open_weights,
    read_header,
    write_weights,
)
from practicum.seeding import stream


def some_tensors() -> dict[str, torch.Tensor]:
    draw = torch.randn(5, 7, generator=stream(0, "tensors")) * 40
    tensors = {name: draw.to(dtype) for name, dtype in DTYPES.items()}
    return {**tensors, "scalar": torch.tensor(2.5), "none": torch.empty(0, 3), "turned": draw.T}


def assert_same(ours: StoredWeights, theirs: dict[str, torch.Tensor]) -> None:
    assert set(ours.tensors) == set(theirs)
    for name, tensor in theirs.items():
        got = ours.read(name)
        assert (got.dtype, got.shape) == (tensor.dtype, tensor.shape), name
        assert got.tolist() == tensor.tolist(), name


def test_we_read_what_the_reference_writes(tmp_path: Path):
    tensors = {name: tensor.contiguous() for name, tensor in some_tensors().items()}
    save_file(tensors, tmp_path / WEIGHTS)
    assert_same(open_weights(tmp_path), tensors)


def test_the_reference_reads_what_we_write(tmp_path: Path):
    tensors = some_tensors()
    write_weights(tensors, tmp_path, max_shard_bytes=1 << 30)
    loaded = load_file(tmp_path / WEIGHTS)
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].tolist() == tensor.tolist(), name


@pytest.mark.parametrize("most", [1, 200, 1000, 10**9])
def test_shards_hold_everything_and_keep_to_their_size(tmp_path: Path, most: int):
    tensors = some_tensors()
    write_weights(tensors, tmp_path, max_shard_bytes=most)
    assert_same(open_weights(tmp_path), tensors)
    for path in tmp_path.glob("*.safetensors"):
        held = read_header(path)
        assert len(held) == 1 or sum(tensor.length for tensor in held.values()) <= most


def test_a_file_cut_anywhere_is_a_checkpoint_error(tmp_path: Path):
    write_weights(some_tensors(), tmp_path, max_shard_bytes=1 << 30)
    path = tmp_path / WEIGHTS
    whole = path.read_bytes()
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=WEIGHTS) as told:
            open_weights(tmp_path)
        assert "\n" not in str(told.value)
    path.write_bytes(whole + b"x")
    with pytest.raises(CheckpointError, match="damaged"):
        open_weights(tmp_path)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 900), byte=st.integers(0, 255))
def test_changed_bytes_are_read_or_refused_but_never_crash(
    place: int, byte: int, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.getbasetemp()
    write_weights(some_tensors(), folder, max_shard_bytes=1 << 30)
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[place] = byte
    (folder / WEIGHTS).write_bytes(content)
    try:
        weights = open_weights(folder)
        for name in weights.tensors:
            weights.read(name)
    except CheckpointError as told:
        assert "\n" not in str(told)


def header(entries: object) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


def tensor(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


BROKEN = {
    "nothing": b"",
    "a list": header([1, 2]),
    "an absurd header": (1 << 62).to_bytes(8, "little") + b"{}",
    "an unknown dtype": header({"w": tensor(dtype="F31")}) + bytes(8),
    "a negative size": header({"w": tensor(shape=[-2])}) + bytes(8),
    "an absurd size": header({"w": tensor(shape=[1 << 62])}) + bytes(8),
    "a shape that is no list": header({"w": tensor(shape="2")}) + bytes(8),
    "a truth value as size": header({"w": tensor(shape=[True])}) + bytes(8),
    "three offsets": header({"w": tensor(data_offsets=[0, 4, 8])}) + bytes(8),
    "an overlap": header({"v": tensor(), "w": tensor()}) + bytes(8),
    "a gap": header({"w": tensor(data_offsets=[8, 16])}) + bytes(16),
    "deep nesting": (200_000).to_bytes(8, "little") + b"[" * 200_000,
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_refused(tmp_path: Path, what: str):
    (tmp_path / WEIGHTS).write_bytes(BROKEN[what])
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        open_weights(tmp_path)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_pickles_are_never_opened(tmp_path: Path):
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="pickled"):
        open_weights(tmp_path)
    for content in (pickle.dumps(Bomb()), b"PK\x03\x04 and so on"):
        (tmp_path / WEIGHTS).write_bytes(content)
        with pytest.raises(CheckpointError, match="pickle"):
            open_weights(tmp_path)


def test_a_folder_without_weights_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="holds no weights"):
        open_weights(tmp_path)


def test_an_index_may_not_reach_outside_nor_miss_a_shard(tmp_path: Path):
    write_weights(some_tensors(), tmp_path, max_shard_bytes=200)
    index = json.loads((tmp_path / INDEX).read_text())

    def broken(**places: object) -> None:
        changed = {**index, "weight_map": {**index["weight_map"], **places}}
        (tmp_path / INDEX).write_text(json.dumps(changed))
        with pytest.raises(CheckpointError):
            open_weights(tmp_path)

    broken(F32="../elsewhere.safetensors")
    broken(F32="model-00099-of-00099.safetensors")
    broken(F32=7)
    broken(extra="model-00001-of-00012.safetensors")
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(CheckpointError, match="not JSON"):
        open_weights(tmp_path)
