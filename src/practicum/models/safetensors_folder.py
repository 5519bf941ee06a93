"""Weights in safetensors files: one `model.safetensors`, or shards named by an index.

A file is eight bytes of header length, a JSON header (name → dtype, shape, place), and the bytes.
Tensors are read one at a time straight into memory of their own, not through a mapping of the file,
so that loading needs the weights once and not twice; and they are written one at a time from
whatever views the caller has, so that a transposed copy exists for one tensor only. Nothing is ever
unpickled: PyTorch's own `.bin` files are refused, since opening one runs what it contains.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from practicum.errors import CheckpointError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LONGEST_HEADER = 100_000_000  # the format's own limit


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """Where a tensor lies: `length` bytes from byte `start` of `file`."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    length: int


class StoredWeights:
    """The tensors of one file or of a folder of shards, read when asked for."""

    def __init__(self, where: Path, tensors: Mapping[str, StoredTensor]) -> None:
        self.where = str(where)
        self.tensors = dict(tensors)
        self.shapes = {name: tensor.shape for name, tensor in self.tensors.items()}

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that most numbers are stored in."""
        counts: Counter[torch.dtype] = Counter()
        for tensor in self.tensors.values():
            counts[tensor.dtype] += prod(tensor.shape)
        return counts.most_common(1)[0][0] if counts else torch.float32

    def renamed(self, names: Mapping[str, str]) -> "StoredWeights":
        """The same tensors, those in `names` under other names."""
        renamed = {names.get(name, name): tensor for name, tensor in self.tensors.items()}
        return StoredWeights(Path(self.where), renamed)

    def dtype_of(self, name: str) -> torch.dtype:
        """The dtype that the tensor `name` is stored in."""
        return self.tensors[name].dtype

    def read(self, name: str) -> Tensor:
        """The tensor `name`, in memory of its own."""
        stored = self.tensors[name]
        out = torch.empty(stored.shape, dtype=stored.dtype)
        self.read_into(name, out)
        return out

    def read_into(self, name: str, out: Tensor) -> None:
        """The bytes of `name` to `out`, which is contiguous and of its shape and dtype."""
        stored, got = self.tensors[name], 0
        view = out.view(-1).view(torch.uint8).numpy().data
        try:
            with stored.file.open("rb", buffering=0) as file:
                file.seek(stored.start)
                while got < stored.length and (count := file.readinto(view[got:])):
                    got += count
        except OSError as problem:
            raise _unreadable(stored.file, problem) from problem
        if got < stored.length:
            raise CheckpointError(f"{stored.file} became shorter while {name!r} was read")


def open_weights(folder: Path) -> StoredWeights:
    """The weights of a model's folder.

    Raises CheckpointError: none there, only pickled ones, a shard missing, or a file truncated.
    """
    if (folder / WEIGHTS).is_file():
        return StoredWeights(folder / WEIGHTS, read_header(folder / WEIGHTS))
    if (folder / INDEX).is_file():
        return StoredWeights(folder, _sharded(folder))
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    if pickled:
        raise CheckpointError(
            f"{folder} holds its weights pickled only ({pickled[0]}); opening them would run code "
            "from the file: convert them to safetensors where you trust them"
        )
    raise CheckpointError(f"{folder} holds no weights; expected {WEIGHTS} or {INDEX}")


def read_header(path: Path) -> dict[str, StoredTensor]:
    """What the file at `path` holds, every place checked against the file's size."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            header, start = _header(path, file, size)
    except OSError as problem:
        raise _unreadable(path, problem) from problem
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    tensors = {name: _entry(path, name, entry, start) for name, entry in entries.items()}
    place = start
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.length)):
        if tensor.start != place:
            raise _damaged(path, "its tensors overlap or leave gaps")
        place += tensor.length
    if place != size:
        raise _damaged(path, f"its header speaks of {place:,} bytes and it has {size:,}")
    return tensors


def write_weights(
    tensors: Mapping[str, Tensor],
    folder: Path,
    *,
    max_shard_bytes: int,
    read: Callable[[str], Tensor] | None = None,
) -> list[Path]:
    """Writes `tensors` to `folder` as one file, or as shards of at most `max_shard_bytes` each.

    A tensor that is larger than that has a shard of its own. With `read` the tensors only say shape
    and dtype, on the meta device, and `read` gives the values of each when its turn comes, in their
    order wherever they have one dtype. Returns the files written.
    """
    read = read or tensors.__getitem__
    shards = _shards(tensors, max_shard_bytes)
    if len(shards) == 1:
        return [_write_file(folder / WEIGHTS, tensors, read)]
    files, index = [], {}
    for number, names in enumerate(shards, start=1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        files.append(_write_file(folder / name, {key: tensors[key] for key in names}, read))
        index |= dict.fromkeys(names, name)
    total = sum(tensor.nbytes for tensor in tensors.values())
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=2)
    (folder / INDEX).write_text(text + "\n")
    return [*files, folder / INDEX]


def _sharded(folder: Path) -> dict[str, StoredTensor]:
    index = read_json(folder / INDEX)
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise _damaged(folder / INDEX, "it has no 'weight_map' from tensors to files")
    tensors: dict[str, StoredTensor] = {}
    for name in sorted(set(places.values())):
        if Path(name).name != name:
            raise _damaged(folder / INDEX, f"it names a file outside the folder ({name!r})")
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} lacks the shard {name}, which {INDEX} names; bring it again"
            )
        shard = read_header(folder / name)
        twice = sorted(set(shard) & set(tensors))
        if twice:
            other = tensors[twice[0]].file.name
            raise _damaged(folder, f"{twice[0]!r} is in {other} and in {name}")
        tensors |= shard
    lost = sorted(set(places) - set(tensors))
    if lost:
        raise _damaged(folder, f"{lost[0]!r} is not in {places[lost[0]]}, where the index puts it")
    return tensors


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file. Raises CheckpointError: missing, truncated, or not an object."""
    try:
        data = json.loads(path.read_bytes())
    except OSError as problem:
        raise _unreadable(path, problem) from problem
    except ValueError as problem:
        raise _damaged(path, "it is not JSON") from problem
    if not isinstance(data, dict):
        raise _damaged(path, "it is not a JSON object")
    return data


def _header(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """The JSON header, and the byte at which the tensors start."""
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > min(size - 8, _LONGEST_HEADER):
        # Read as a length, the first bytes of a pickle or of a zip of pickles are past any file.
        if first[:2] == b"PK" or first[:1] == b"\x80":
            raise CheckpointError(
                f"{path} is a pickle, which would run code when opened; convert it to safetensors"
            )
        raise _damaged(path, f"it has {size:,} bytes and no whole header")
    try:
        header = json.loads(file.read(length), object_pairs_hook=lambda p: _once(path, p))
    except (ValueError, RecursionError) as problem:
        raise _damaged(path, "its header is not JSON") from problem
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return header, 8 + length


def _once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = Counter(name for name, _ in pairs)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise _damaged(path, f"its header names {twice[0]!r} twice")
    return dict(pairs)


def _entry(path: Path, name: str, entry: Any, start: int) -> StoredTensor:
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, place = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if dtype not in DTYPES:
        raise _damaged(path, f"{name!r} has the dtype {dtype!r}; known: {', '.join(DTYPES)}")
    if not _sizes(shape) or not _sizes(place) or len(place) != 2:
        raise _damaged(path, f"{name!r} has no proper shape and place")
    length = prod(shape) * DTYPES[dtype].itemsize
    if place[1] - place[0] != length:
        raise _damaged(path, f"{name!r} has the shape {shape} but {place[1] - place[0]:,} bytes")
    return StoredTensor(
        file=path, dtype=DTYPES[dtype], shape=tuple(shape), start=start + place[0], length=length
    )


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _shards(tensors: Mapping[str, Tensor], most: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.nbytes > most:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += tensor.nbytes
    return shards


def _write_file(path: Path, tensors: Mapping[str, Tensor], read: Callable[[str], Tensor]) -> Path:
    # Widest numbers first, so that every tensor starts at a multiple of its own item size.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, tensor in ordered:
        end = place + tensor.nbytes
        entry = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape)}
        header[name] = {**entry, "data_offsets": [place, end]}
        place = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, _ in ordered:
            whole = read(name).detach().cpu().contiguous().view(-1)
            file.write(whole.view(torch.uint8).numpy().data)
    return path


def _unreadable(path: Path, problem: OSError) -> CheckpointError:
    return CheckpointError(f"cannot read {path}: {problem.strerror or problem}")


def _damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{path} is truncated or damaged: {why}; bring it again")
