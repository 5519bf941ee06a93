"""Shards give back what was written, in memory and on disk, or say what is wrong with them."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum import events
from practicum.data.documents import Document
from practicum.data.shards import TokenShards, encode_documents, open_shards, write_shards
from practicum.errors import DataError
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()
END = BYTES.end
texts = st.lists(st.text(max_size=12), min_size=1, max_size=8)


class Wide(ByteTokenizer):
    """Bytes, with a begin and an end whose ids do not fit into 16 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.begin, self.end = 2**16, 2**16 + 1

    @property
    def size(self) -> int:
        return 2**16 + 2


def documents_of(*given_texts: str) -> list[Document]:
    return [
        Document(id=str(number), text=text, source="tests", licence="none")
        for number, text in enumerate(given_texts)
    ]


def everything(shards: TokenShards) -> list[int]:
    return shards.read(0, len(shards)).tolist()


def test_documents_are_their_ids_and_an_end():
    shards = encode_documents(documents_of("ab", "", "c"), BYTES)
    assert everything(shards) == [97, 98, END, END, 99, END]
    assert shards.starts.tolist() == [0, 3, 4, 6]
    assert shards.document(2).tolist() == [99, END]
    assert shards.index.text_bytes == 3
    assert shards.segments(1, 6).tolist() == [0, 0, 1, 2, 2]


def test_begin_and_end_are_added_where_the_tokenizer_has_them():
    wide = Wide()
    assert everything(encode_documents(documents_of("a"), wide)) == [wide.begin, 97, wide.end]
    bare = ByteTokenizer(specials=())
    shards = encode_documents(documents_of("a", "b"), bare)
    assert everything(shards) == [97, 98]
    assert shards.segments(0, 2).tolist() == [0, 1]


@given(texts, st.integers(1, 40))
@settings(max_examples=40)
def test_what_is_written_is_read(given_texts, shard_tokens):
    documents = documents_of(*given_texts)
    in_memory = encode_documents(documents, BYTES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shards"
        on_disk = write_shards(documents, BYTES, path, shard_tokens=shard_tokens)
        again = open_shards(path, verify=True)
        assert all((path / f"{i:05d}.bin").exists() for i in range(-(-len(again) // shard_tokens)))
        for shards in (on_disk, again):
            assert shards.index == in_memory.index
            assert everything(shards) == everything(in_memory)
            assert shards.starts.tolist() == in_memory.starts.tolist()
        del on_disk, again, shards


@given(texts, st.integers(1, 10), st.data())
@settings(max_examples=40)
def test_any_stretch_may_be_read_whatever_the_shards(given_texts, shard_tokens, data):
    documents = documents_of(*given_texts)
    whole = everything(encode_documents(documents, BYTES))
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shards"
        shards = write_shards(documents, BYTES, path, shard_tokens=shard_tokens)
        assert shards.read(start, stop).tolist() == whole[start:stop]
        del shards


def test_ids_beyond_sixteen_bits_take_four_bytes(tmp_path: Path):
    wide = Wide()
    shards = write_shards(documents_of("ab"), wide, tmp_path / "wide")
    assert everything(shards) == [wide.begin, 97, 98, wide.end]
    assert (shards.index.dtype, shards.nbytes) == ("<u4", 16)
    assert encode_documents(documents_of("ab"), BYTES).nbytes == 6


def test_opening_reads_no_shard(tmp_path: Path):
    write_shards(documents_of("text"), BYTES, tmp_path / "shards")
    shards = open_shards(tmp_path / "shards")
    assert all(isinstance(shard, np.memmap) for shard in shards._shards)


def test_writing_again_replaces_shards_but_nothing_else(tmp_path: Path):
    write_shards(documents_of("first text"), BYTES, tmp_path / "shards", shard_tokens=2)
    again = write_shards(documents_of("x"), BYTES, tmp_path / "shards")
    assert everything(again) == [120, END]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shards"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="holds something else"):
        write_shards(documents_of("x"), BYTES, tmp_path / "mine")


def test_an_interrupted_writing_leaves_nothing(tmp_path: Path):
    def interrupt(_event: events.Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), events.listening(interrupt):
        write_shards(documents_of("text"), BYTES, tmp_path / "shards")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_to_the_end():
    heard: list[events.Event] = []
    with events.listening(heard.append):
        encode_documents(documents_of(*["x"] * 100), BYTES)
    told = [(e.done, e.total) for e in heard if isinstance(e, events.Progress)]
    assert told[0] == (0, 100)
    assert told[-1] == (100, 100)


def _cut(folder: Path) -> None:
    data = (folder / "00001.bin").read_bytes()
    (folder / "00001.bin").write_bytes(data[:-1])


def _other_format(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, "format": 99}))


DAMAGES = {
    "bytes long instead of": _cut,
    "is missing": lambda folder: (folder / "00000.bin").unlink(),
    "no token shards": lambda folder: (folder / "index.json").unlink(),
    "is damaged": lambda folder: (folder / "index.json").write_text('{"format": 1'),
    "has format 99": _other_format,
    "contradicts": lambda folder: (folder / "index.json").write_text(
        (folder / "index.json").read_text().replace('"documents": 1', '"documents": 2')
    ),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_damaged_shards_are_noticed_on_opening(tmp_path: Path, message: str):
    folder = tmp_path / "shards"
    write_shards(documents_of("some text"), BYTES, folder, shard_tokens=4)
    DAMAGES[message](folder)
    with pytest.raises(DataError, match=message):
        open_shards(folder)


def test_changed_shards_are_noticed_on_verifying(tmp_path: Path):
    folder = tmp_path / "shards"
    write_shards(documents_of("some text"), BYTES, folder)
    data = bytearray((folder / "00000.bin").read_bytes())
    data[0] ^= 1
    (folder / "00000.bin").write_bytes(data)
    open_shards(folder)
    with pytest.raises(DataError, match="has changed"):
        open_shards(folder, verify=True)


def test_impossible_requests_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no documents to encode"):
        encode_documents([], BYTES)
    with pytest.raises(DataError, match="no documents to encode"):
        write_shards([], BYTES, tmp_path / "none")
    with pytest.raises(DataError, match="expected 1 or more"):
        write_shards(documents_of("x"), BYTES, tmp_path / "none", shard_tokens=0)
    with pytest.raises(DataError, match="of a sequence of 2"):
        encode_documents(documents_of("x"), BYTES).read(0, 3)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write shards"):
        write_shards(documents_of("x"), BYTES, tmp_path / "file" / "shards")
