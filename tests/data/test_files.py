"""The user's files become documents, or one line says what is wrong with which of them."""

import json
import sys
from pathlib import Path

import pytest

from practicum.data.corpora import corpus
from practicum.data.files import read_corpus, read_in_two_sides
from practicum.errors import DataError, UnknownName


def test_a_file_is_a_document(tmp_path: Path):
    (tmp_path / "one.txt").write_bytes(b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe\r\nzwei\n")
    found = read_corpus(str(tmp_path / "one.txt"))
    assert found.name == "one.txt"
    assert [(d.id, d.text) for d in found.documents] == [("one.txt", "Grüße\nzwei\n")]


def test_a_folder_is_read_with_its_subfolders_in_a_fixed_order(tmp_path: Path):
    for name in ("b.md", "a/z.txt", "a/b.txt", ".git/x.txt", "a/.hidden.txt", "picture.png"):
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")
    (tmp_path / "texts" / "empty.txt").touch()
    (tmp_path / "texts" / "rows.jsonl").write_text('{"text": "a row"}\n')
    found = read_corpus(tmp_path / "texts")
    assert [d.id for d in found.documents] == ["a/b.txt", "a/z.txt", "b.md", "rows.jsonl:1"]


def test_rows_of_json_lines_are_documents(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "one\u2028still one"}\n\n{"text": "three", "id": "x7"}\n')
    found = read_corpus(path)
    assert [(d.id, d.text) for d in found.documents] == [
        ("rows.jsonl:1", "one\u2028still one"),
        ("rows.jsonl:x7", "three"),
    ]


def test_another_field_can_be_named(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "no", "body": "yes"}))
    assert read_corpus(path, field="body").documents[0].text == "yes"


def test_a_known_name_is_the_corpus_itself():
    assert read_corpus("topics") is corpus("topics")


def test_rows_of_parquet_are_documents(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is an extra: practicum[data]")
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra: practicum[data]")
    path = tmp_path / "rows.parquet"
    pq.write_table(pyarrow.table({"text": ["a", "b"], "n": [1, 2]}), path)
    assert [(d.id, d.text) for d in read_corpus(path).documents] == [
        ("rows.parquet:1", "a"),
        ("rows.parquet:2", "b"),
    ]
    with pytest.raises(DataError, match="no column 'body'; it has text, n"):
        read_corpus(path, field="body")
    with pytest.raises(DataError, match="'n' is a int; expected text"):
        read_corpus(path, field="n")
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="no readable parquet file"):
        read_corpus(path)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="pip install pyarrow"):
        read_corpus(tmp_path / "rows.parquet")


BAD = {
    "empty.txt": (b"", "no text in it"),
    "blank.md": (b" \n\n", "no text in it"),
    "binary.txt": (b"MZ\0\0", "zero bytes"),
    "wide.txt": ("text".encode("utf-16"), "UTF-16"),
    "latin.txt": (b"caf\xe9", "byte 3 is 0xe9.*iconv"),
    "table.csv": (b"a,b\n", r"none of \.txt"),
    "broken.jsonl": (b'{"text": "a"}\n{"text": \n', "line 2 is not JSON"),
    "list.jsonl": (b"[1]\n", "line 1 is no object"),
    "field.jsonl": (b'{"body": "a"}\n', "line 1 has no 'text'; it has body"),
    "number.jsonl": (b'{"text": 1}\n', "line 1: 'text' is a int; expected text"),
    "null.jsonl": (b'{"text": null}\n', "line 1: 'text' is empty; expected text"),
    "surrogate.jsonl": (b'{"text": "\\ud800"}\n', "half a surrogate pair"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_what_to_do(tmp_path: Path, name: str):
    data, message = BAD[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_corpus(str(tmp_path / name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said_so(tmp_path: Path):
    with pytest.raises(DataError, match="no file or folder"):
        read_corpus(str(tmp_path / "missing"))
    with pytest.raises(DataError, match="no file or folder"):
        read_corpus("missing.txt")
    with pytest.raises(UnknownName, match="did you mean shakespeare.*path of a text file"):
        read_corpus("shakespear")
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match=r"no text in \.txt"):
        read_corpus(tmp_path / "bare")


def test_a_single_file_has_two_sides_that_share_no_text(tmp_path):
    file = tmp_path / "notes.md"
    file.write_text("\n".join(f"Line {n} of a few notes about nothing." for n in range(400)))
    corpus = read_in_two_sides(file)
    assert corpus.train
    assert corpus.held_out
    assert "".join(document.text for document in corpus.documents) == file.read_text()


def test_a_text_too_short_to_hold_anything_out_is_refused(tmp_path):
    file = tmp_path / "word.txt"
    file.write_text("hello")
    with pytest.raises(DataError, match=r"5 bytes of text, too few to hold a part of it out"):
        read_in_two_sides(file)
