"""What the `gguf` package writes is read as it was, and damage is always told in one line."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.data.fetch import locate
from practicum.errors import CheckpointError
from practicum.kernels.ggml_blocks import FORMATS
from practicum.models.gguf import dequantise, read_gguf

gguf = pytest.importorskip("gguf", reason="the files are written by the `gguf` package")

METADATA: dict[str, tuple[str, Any]] = {
    "a.text": ("add_string", "Füße 漢字"),
    "a.u8": ("add_uint8", 200),
    "a.i8": ("add_int8", -100),
    "a.u16": ("add_uint16", 60_000),
    "a.i16": ("add_int16", -30_000),
    "a.u32": ("add_uint32", 4_000_000_000),
    "a.i32": ("add_int32", -2_000_000_000),
    "a.u64": ("add_uint64", 1 << 60),
    "a.i64": ("add_int64", -(1 << 60)),
    "a.f64": ("add_float64", 0.1),
    "a.yes": ("add_bool", True),
    "a.eps": ("add_float32", 1e-5),
    "a.texts": ("add_array", ["", "Ġthe", "é", "x" * 300]),
    "a.numbers": ("add_array", [3, 1, 2]),
    "a.halves": ("add_array", [0.5, 1.5]),
}


def write(path: Path, tensors: dict[str, np.ndarray], **kinds: Any) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    for name, (method, value) in METADATA.items():
        getattr(writer, method)(name, value)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor, raw_dtype=kinds.get(name))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    blocks = np.random.default_rng(0).integers(0, 100, (2, 36), dtype=np.uint8)
    kinds = {"b": gguf.GGMLQuantizationType.Q4_0}
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    return write(path, {"a": numbers, "b": blocks, "c": numbers.astype(np.float16)}, **kinds)


def header_size(path: Path) -> int:
    return gguf.GGUFReader(path).data_offset


def test_metadata_comes_back_as_it_was_written(small: Path):
    metadata = read_gguf(small).metadata
    assert metadata["general.architecture"] == "llama"
    assert {name: metadata[name] for name in METADATA} == {n: v for n, (_, v) in METADATA.items()}


def test_tensors_come_back_with_their_shapes(small: Path):
    tensors = read_gguf(small).tensors
    assert {name: (t.shape, t.type) for name, t in tensors.items()} == {
        "a": ((3, 4), "F32"),
        "b": ((2, 64), "Q4_0"),
        "c": ((3, 4), "F16"),
    }
    for name in ("a", "c"):
        assert dequantise(tensors[name]).flatten().tolist() == list(range(12))


@pytest.mark.parametrize("name", FORMATS)
def test_every_type_reads_as_the_gguf_package_reads_it(tmp_path: Path, name: str):
    form, kind = FORMATS[name], gguf.GGMLQuantizationType[name]
    stored = np.random.default_rng(1).integers(0, 60, (3, 4 * form.bytes), dtype=np.uint8)
    path = write(tmp_path / "one.gguf", {"w": stored}, w=kind)
    theirs = gguf.GGUFReader(path).tensors[0]
    expected = gguf.quants.dequantize(theirs.data, theirs.tensor_type)
    ours = dequantise(read_gguf(path).tensors["w"]).numpy()
    assert ours.shape == (3, 4 * form.weights)
    np.testing.assert_array_equal(ours.reshape(-1), expected.reshape(-1))


def test_a_file_cut_anywhere_is_a_checkpoint_error(small: Path, tmp_path: Path):
    whole = small.read_bytes()
    cut = tmp_path / "cut.gguf"
    header = header_size(small)
    for length in [*range(0, header, 7), *range(header, len(whole), 13), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        if length >= len(whole) - 31:  # the padding behind the last tensor may be missing
            continue
        with pytest.raises(CheckpointError, match="cut.gguf") as told:
            read_gguf(cut)
        assert "\n" not in str(told.value)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_read_or_refused_but_never_crash(data: st.DataObject, small: Path):
    whole = bytearray(small.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, header_size(small) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    changed = small.with_name("changed.gguf")
    changed.write_bytes(whole)
    try:
        for tensor in read_gguf(changed).tensors.values():
            dequantise(tensor)
    except CheckpointError as told:
        assert "\n" not in str(told)


def header(magic: bytes = b"GGUF", version: int = 3, tensors: int = 0, entries: int = 0) -> bytes:
    return magic + struct.pack("<IQQ", version, tensors, entries)


def entry(name: bytes, axes: tuple[int, ...], kind: int, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<I{len(axes)}Q", len(axes), *axes)
    return struct.pack("<Q", len(name)) + name + sizes + struct.pack("<IQ", kind, offset)


BROKEN = {
    "nothing": (b"", "empty"),
    "another magic": (header(magic=b"PK\x03\x04"), "not a GGUF file"),
    "version 1": (header(version=1), "version 1; expected"),
    "big-endian": (header(version=3 << 24), "big-endian"),
    "absurd count of tensors": (header(tensors=1 << 60), "truncated"),
    "absurd count of entries": (header(entries=1 << 60), "truncated"),
    "absurd text": (header(entries=1) + struct.pack("<Q", 1 << 63), "truncated"),
    "unknown type of value": (
        header(entries=1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IQ", 77, 0),
        "unknown type 77",
    ),
    "absurd list": (
        header(entries=1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 1 << 61),
        "truncated",
    ),
    "unknown type of tensor": (header(tensors=1) + entry(b"w", (32,), 4321), "type 4321"),
    "type that is not decoded": (header(tensors=1) + entry(b"w", (256,), 16), "IQ2_XXS.*supp"),
    "absurd sizes": (header(tensors=1) + entry(b"w", (1 << 40, 1 << 40), 0), "truncated"),
    "too many axes": (header(tensors=1) + entry(b"w", (1,) * 9, 0), "9 axes"),
    "rows that split a block": (header(tensors=1) + entry(b"w", (33,), 2), "rows of 33"),
    "offset behind the end": (header(tensors=1) + entry(b"w", (1,), 0, 1 << 62), "truncated"),
    "a name twice": (
        header(tensors=2) + 2 * entry(b"w", (1,), 0) + bytes(64),
        "names a tensor twice",
    ),
    "text that is not UTF-8": (
        header(entries=1) + struct.pack("<Q", 4) + b"\xff\xff\xff\xff" + bytes(16),
        "not UTF-8",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named(tmp_path: Path, what: str):
    content, words = BROKEN[what]
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        read_gguf(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(CheckpointError, match="nowhere.gguf"):
        read_gguf(tmp_path / "nowhere.gguf")


def test_smollm2_reads_as_the_gguf_package_reads_it():
    path = locate("smollm2")
    if path is None:
        pytest.skip("the asset is not here: `practicum data add smollm2`")
    ours = read_gguf(path)
    reader = gguf.GGUFReader(path)
    fields = {n: f.contents() for n, f in reader.fields.items() if not n.startswith("GGUF.")}
    eps = fields.pop("llama.attention.layer_norm_rms_epsilon")
    assert np.float32(ours.metadata.pop("llama.attention.layer_norm_rms_epsilon")) == eps
    assert ours.metadata == fields
    for tensor in reader.tensors[:12]:  # all three types are among them
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(dequantise(ours.tensors[tensor.name]).numpy(), expected)
