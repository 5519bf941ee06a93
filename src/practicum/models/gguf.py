"""GGUF files (versions 2 and 3): metadata, tokenizer and quantised weights of a model in one file.

The file is memory-mapped; opening reads the header only, and a tensor's bytes are touched when it
is decoded. Everything in the header is checked before it is believed, so that a truncated or
hostile file ends in a CheckpointError of one line. Layout: magic, version, two counts, metadata
(name, type, value), tensor entries (name, sizes, type, offset), then the tensors' bytes from the
next multiple of the alignment. Reading only: writing, big-endian files and files in several parts
are not here.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import CheckpointError
from practicum.kernels.ggml_blocks import FORMATS, decode_blocks

# The types by the numbers that the ggml library gives them (enum ggml_type); None: given up.
GGML_TYPES = (
    *("F32", "F16", "Q4_0", "Q4_1", None, None, "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K"),
    *("Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S"),
    *("IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M", "BF16"),
    *(None, None, None, "TQ1_0", "TQ2_0", None, None, None, "MXFP4"),
)
_SCALARS = {0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?"}
_SCALARS |= {10: "<u8", 11: "<i8", 12: "<f8"}
_STRING, _ARRAY = 8, 9
_MOST_AXES = 4
_U32, _U64 = Struct("<I"), Struct("<Q")


@dataclass(frozen=True, kw_only=True, eq=False)
class GGUFTensor:
    """One stored tensor: `shape` with the longest stride first, `type` as in `GGML_TYPES`."""

    name: str
    shape: tuple[int, ...]
    type: str
    stored: Tensor  # its bytes (uint8) in the mapped file


@dataclass(frozen=True, kw_only=True, eq=False)
class GGUF:
    """An open file. `metadata` holds numbers, texts, truth values and lists of these."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, GGUFTensor]


def read_gguf(path: str | Path) -> GGUF:
    """The file at `path`, mapped; its header read and checked.

    Raises CheckpointError: no such file, not GGUF, truncated, of another version or byte order, one
    part of several, or holding a tensor type that cannot be decoded.
    """
    path = Path(path)
    cursor = _Cursor(path, _mapped(path))
    _check_start(cursor)
    tensor_count, entry_count = cursor.count(24), cursor.count(13)
    metadata: dict[str, Any] = {}
    for _ in range(entry_count):
        name = cursor.text()
        metadata[name] = cursor.value(cursor.u32(), name)
    if metadata.get("split.count", 1) > 1:
        raise cursor.broken("is one of several parts; join them with `llama-gguf-split --merge`")
    entries = [_TensorEntry.read(cursor) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise cursor.broken(f"has the alignment {alignment!r}; expected a power of two")
    start = -(-cursor.place // alignment) * alignment
    tensors = {entry.name: entry.tensor(cursor, start) for entry in entries}
    if len(tensors) != len(entries):
        raise cursor.broken("names a tensor twice")
    return GGUF(path=path, metadata=metadata, tensors=tensors)


def dequantise(tensor: GGUFTensor) -> Float[Tensor, "..."]:
    """The tensor's float32 values in memory of their own."""
    return decode_blocks(tensor.stored, FORMATS[tensor.type]).view(tensor.shape)


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            # Copy-on-write rather than read-only, because torch warns about memory it cannot write.
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as problem:
        raise CheckpointError(f"cannot read {path}: {problem.strerror}") from problem
    except ValueError as problem:
        raise CheckpointError(f"{path} is empty; expected a GGUF file") from problem


def _check_start(cursor: "_Cursor") -> None:
    magic = cursor.take(4)
    if magic != b"GGUF":
        raise cursor.broken(f"starts with {magic!r}, not b'GGUF'; it is not a GGUF file")
    version = cursor.u32()
    if version not in (2, 3):
        why = "it is big-endian" if version & 0xFFFF == 0 else f"it has version {version}"
        raise cursor.broken(f"cannot be read: {why}; expected little-endian version 2 or 3")


class _Cursor:
    """A place in the mapped file that never passes its end."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self.path, self.data, self.size, self.place = path, data, len(data), 0

    def broken(self, what: str) -> CheckpointError:
        return CheckpointError(f"{self.path} {what}")

    def truncated(self, end: int) -> CheckpointError:
        return self.broken(
            f"is truncated or damaged: {end:,} bytes expected, {self.size:,} there; bring it again"
        )

    def skip(self, length: int) -> int:
        """Moves on by `length` bytes that must be there; returns the place before."""
        start, end = self.place, self.place + length
        if end > self.size:
            raise self.truncated(end)
        self.place = end
        return start

    def take(self, length: int) -> bytes:
        start = self.skip(length)
        return self.data[start : self.place]

    def u32(self) -> int:
        return _U32.unpack_from(self.data, self.skip(4))[0]

    def u64(self) -> int:
        return _U64.unpack_from(self.data, self.skip(8))[0]

    def count(self, least: int) -> int:
        """A number of things of at least `least` bytes each, of which the file can hold so many."""
        count = self.u64()
        # No early promise is made for what follows the things, so this alone bounds every loop.
        if self.place + count * least > self.size:
            raise self.truncated(self.place + count * least)
        return count

    def text(self) -> str:
        return self._decoded(self.take(self.u64()))

    def value(self, kind: int, name: str) -> Any:
        """A metadata value of the type numbered `kind`."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array(name)
        return self._numbers(kind, 1, name)[0]

    def _array(self, name: str) -> list[Any]:
        kind = self.u32()
        if kind == _ARRAY:
            raise self.broken(f"has lists within a list in {name!r}; no known model has these")
        if kind == _STRING:
            return list(self._texts(self.count(8)))
        return self._numbers(kind, self.count(1), name)

    def _texts(self, count: int) -> Iterator[str]:
        # A vocabulary is a hundred thousand short texts: this loop is most of the time of opening.
        data, place, size, length_at = self.data, self.place, self.size, _U64.unpack_from
        for _ in range(count):
            start = place + 8
            if start > size:
                raise self.truncated(start)
            place = start + length_at(data, start - 8)[0]
            if place > size:
                raise self.truncated(place)
            yield self._decoded(data[start:place])
        self.place = place

    def _numbers(self, kind: int, count: int, name: str) -> list[Any]:
        if kind not in _SCALARS:
            raise self.broken(f"has a value of unknown type {kind} in {name!r}; it is damaged")
        form = np.dtype(_SCALARS[kind])
        start = self.skip(count * form.itemsize)
        numbers = np.frombuffer(self.data, form, count, start)
        if kind == 6:
            # The shortest decimal that is this float32: 1e-05, where the exact value would read
            # 9.999999747378752e-06 and differ from the same number in a JSON file.
            return [float(str(number)) for number in numbers]
        return numbers.tolist()

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as problem:
            raise self.broken("has a text that is not UTF-8; it is damaged") from problem


@dataclass(frozen=True, kw_only=True)
class _TensorEntry:
    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @classmethod
    def read(cls, cursor: _Cursor) -> "_TensorEntry":
        name = cursor.text()
        axes = cursor.u32()
        if axes > _MOST_AXES:
            raise cursor.broken(f"says that {name!r} has {axes} axes (at most {_MOST_AXES})")
        shape = tuple(cursor.u64() for _ in range(axes))[::-1]
        return cls(name=name, shape=shape, type=cursor.u32(), offset=cursor.u64())

    def tensor(self, cursor: _Cursor, data_start: int) -> GGUFTensor:
        known = GGML_TYPES[self.type] if self.type < len(GGML_TYPES) else None
        form = FORMATS.get(known or "")
        if known is None or form is None:
            raise cursor.broken(
                f"stores {self.name!r} as {known or f'unknown type {self.type}'}, which cannot be "
                f"decoded; supported: {', '.join(FORMATS)}"
            )
        if (self.shape[-1] if self.shape else 1) % form.weights:
            raise cursor.broken(f"has rows of {self.shape[-1]} in {self.name!r}, stored as {known}")
        start = data_start + self.offset
        length = prod(self.shape) // form.weights * form.bytes
        if start + length > cursor.size:
            raise cursor.truncated(start + length)
        view = (
            torch.frombuffer(cursor.data, dtype=torch.uint8, count=length, offset=start)
            if length
            else torch.empty(0, dtype=torch.uint8)
        )
        return GGUFTensor(name=self.name, shape=self.shape, type=known, stored=view)
