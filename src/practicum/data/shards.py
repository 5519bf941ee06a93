"""Token shards: documents as one long sequence of ids, on disk or in memory.

Each document is [begin] ids… [end], as far as its tokenizer has these two. A folder of shards holds

    index.json      tokenizer, counts, and each file's length and SHA-256
    starts.bin      int64: where each document starts, and behind them the number of tokens
    00000.bin …     uint16 (vocabularies up to 65,536) or uint32, little-endian, memory-mapped

and appears under its name only when it is whole.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from practicum import events
from practicum.data.archive import file_sha256
from practicum.data.documents import Document
from practicum.errors import DataError
from practicum.tokenizers.tokenizer import Tokenizer

FORMAT = 1
SHARD_TOKENS = 2**26
INDEX, STARTS = "index.json", "starts.bin"


@dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """What is known about the shards without reading them."""

    tokenizer: dict[str, Any]  # `Tokenizer.description()`
    vocabulary: int
    dtype: str  # of the shards: "<u2" or "<u4"
    documents: int
    tokens: int
    text_bytes: int  # UTF-8 bytes of the texts, for bits per byte


class TokenShards:
    """A sequence of `len(shards)` token ids with the places where documents start."""

    def __init__(
        self,
        index: ShardIndex,
        shards: Sequence[np.ndarray],
        starts: np.ndarray,
    ) -> None:
        self.index = index
        self.starts = starts  # one longer than the documents: the last entry is the length
        self._shards = list(shards)
        self._offsets = np.cumsum([0, *map(len, shards)])

    def __len__(self) -> int:
        return self.index.tokens

    @property
    def nbytes(self) -> int:
        """Bytes of the ids themselves."""
        return sum(shard.nbytes for shard in self._shards)

    def read(self, start: int, stop: int) -> Int64[np.ndarray, " t"]:
        """Ids of positions start … stop − 1, which may lie in several shards."""
        if not 0 <= start <= stop <= len(self):
            raise DataError(f"tokens {start} to {stop} of a sequence of {len(self)} were asked for")
        out = np.empty(stop - start, np.int64)
        first = int(np.searchsorted(self._offsets, start, side="right")) - 1
        done = start
        for number in range(first, len(self._shards)):
            if done == stop:
                break
            offset = int(self._offsets[number])
            part = self._shards[number][done - offset : stop - offset]
            out[done - start : done - start + len(part)] = part
            done += len(part)
        return out

    def document(self, number: int) -> Int64[np.ndarray, " t"]:
        """Ids of one document, its begin and end included."""
        return self.read(int(self.starts[number]), int(self.starts[number + 1]))

    def segments(self, start: int, stop: int) -> Int64[np.ndarray, " t"]:
        """For positions start … stop − 1 the number of their document, counted from the first's."""
        numbers = np.searchsorted(self.starts, np.arange(start, stop), side="right")
        return (numbers - numbers[:1]).astype(np.int64)


def encode_documents(documents: Sequence[Document], tokenizer: Tokenizer) -> TokenShards:
    """The shards of `documents` in memory. Raises DataError where there are none."""
    dtype = _dtype(tokenizer)
    pieces = [np.asarray(ids, dtype) for ids in _encoded(documents, tokenizer)]
    starts = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    index = _index(documents, tokenizer, int(starts[-1]))
    return TokenShards(index, [np.concatenate(pieces)], starts)


def write_shards(
    documents: Sequence[Document],
    tokenizer: Tokenizer,
    folder: Path | str,
    *,
    shard_tokens: int = SHARD_TOKENS,
) -> TokenShards:
    """Write the shards of `documents` to `folder`, replacing shards that are there, and open them.

    Raises DataError: no documents, a folder of other things, no space.
    """
    if shard_tokens < 1:
        raise DataError(f"shards of {shard_tokens} tokens are impossible; expected 1 or more")
    folder = Path(folder)
    if folder.exists() and not (folder / INDEX).exists() and any(folder.iterdir()):
        raise DataError(f"{folder} holds something else than shards; name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _write(documents, tokenizer, work / "whole", shard_tokens)
            if folder.exists():
                folder.rename(work / "replaced")
            (work / "whole").rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as problem:
        raise DataError(f"cannot write shards to {folder} ({problem.strerror})") from problem
    return open_shards(folder)


def open_shards(folder: Path | str, *, verify: bool = False) -> TokenShards:
    """The shards in `folder`, memory-mapped. `verify` also reads every byte and checks the hashes.

    Raises DataError: nothing there, an index of another format, a file missing, cut or changed.
    """
    folder = Path(folder)
    index, files = _read_index(folder)
    for file in files:
        path = folder / file["name"]
        size = path.stat().st_size if path.is_file() else -1
        if size != file["bytes"]:
            state = "missing" if size < 0 else f"{size} bytes long instead of {file['bytes']}"
            raise DataError(f"{path} is {state}; write the shards again")
        if verify and file_sha256(path) != file["sha256"]:
            raise DataError(f"{path} has changed since it was written; write the shards again")
    shards = [
        np.memmap(folder / file["name"], dtype=index.dtype, mode="r")
        for file in files
        if file["name"] != STARTS
    ]
    starts = np.fromfile(folder / STARTS, dtype="<i8").astype(np.int64)
    if len(starts) != index.documents + 1 or sum(map(len, shards)) != index.tokens:
        raise DataError(f"{folder} contradicts its index; write the shards again")
    return TokenShards(index, shards, starts)


def _dtype(tokenizer: Tokenizer) -> str:
    return "<u2" if tokenizer.size <= 2**16 else "<u4"


def _index(documents: Sequence[Document], tokenizer: Tokenizer, tokens: int) -> ShardIndex:
    return ShardIndex(
        tokenizer=tokenizer.description(),
        vocabulary=tokenizer.size,
        dtype=_dtype(tokenizer),
        documents=len(documents),
        tokens=tokens,
        text_bytes=sum(len(document.text.encode()) for document in documents),
    )


def _encoded(documents: Sequence[Document], tokenizer: Tokenizer) -> Iterator[list[int]]:
    if not documents:
        raise DataError(
            "there are no documents to encode; a corpus of few documents may have nothing on one "
            "side of its split (`Corpus.divided` cuts long documents into pieces)"
        )
    before = [] if tokenizer.begin is None else [tokenizer.begin]
    after = [] if tokenizer.end is None else [tokenizer.end]
    for done, document in enumerate(documents):
        if done % 64 == 0:
            _progress(done, len(documents))
        yield before + tokenizer.encode(document.text) + after
    _progress(len(documents), len(documents))


def _progress(done: int, total: int) -> None:
    events.emit(events.Progress(task="encoding", done=done, total=total, unit="documents"))


def _write(
    documents: Sequence[Document], tokenizer: Tokenizer, folder: Path, shard_tokens: int
) -> None:
    folder.mkdir()
    starts, names = [0], [STARTS]
    arrays = (np.asarray(ids, _dtype(tokenizer)) for ids in _counted(documents, tokenizer, starts))
    for number, shard in enumerate(_chunks(arrays, shard_tokens)):
        names.append(f"{number:05d}.bin")
        shard.tofile(folder / names[-1])
    np.asarray(starts, "<i8").tofile(folder / STARTS)
    files = [
        {
            "name": name,
            "bytes": (folder / name).stat().st_size,
            "sha256": file_sha256(folder / name),
        }
        for name in names
    ]
    index = asdict(_index(documents, tokenizer, starts[-1]))
    text = json.dumps({"format": FORMAT, **index, "files": files}, indent=1)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")


def _counted(
    documents: Sequence[Document], tokenizer: Tokenizer, starts: list[int]
) -> Iterator[list[int]]:
    for ids in _encoded(documents, tokenizer):
        starts.append(starts[-1] + len(ids))
        yield ids


def _chunks(arrays: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The concatenation of `arrays`, cut into pieces of `length` (the last may be shorter)."""
    waiting: list[np.ndarray] = []
    size = 0
    for array in arrays:
        waiting.append(array)
        size += len(array)
        while size >= length:
            whole = np.concatenate(waiting)
            yield whole[:length]
            waiting, size = [whole[length:]], size - length
    if size:
        yield np.concatenate(waiting)


def _read_index(folder: Path) -> tuple[ShardIndex, list[dict[str, Any]]]:
    path = folder / INDEX
    if not path.is_file():
        raise DataError(f"{folder} has no token shards (no {INDEX} in it)")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        version, files = data.pop("format"), data.pop("files")
        index = ShardIndex(**data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise DataError(f"{path} is damaged; write the shards again") from problem
    if version != FORMAT:
        raise DataError(f"{path} has format {version}; this practicum reads format {FORMAT}")
    return index, files
