"""The user's own text as a corpus: files, folders, and data sets by their hub name.

`.txt .md .rst .py` are one document each; `.jsonl` and `.parquet` one document a row, its text in
the field `text` unless another is named. A folder is read with its subfolders, hidden ones and
files of other kinds left out. Text is UTF-8; line ends become "\\n". A document's identity is its
path below the folder (and its row's `id` or number), so it does not depend on the machine.
"""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

from practicum.data.corpora import CORPORA, corpus
from practicum.data.documents import Corpus, Document
from practicum.data.hub import hub_corpus
from practicum.data.rows import row_text
from practicum.errors import DataError, UnknownName

TEXT = (".txt", ".md", ".rst", ".py")
SUFFIXES = (*TEXT, ".jsonl", ".parquet")
FEW = 20  # documents: below, a split by whole documents is too coarse
PIECES = (4096, 1024, 256, 128)  # characters, tried in turn
LICENCE = "of its owner"  # whoever names a file knows under which terms they may use it


def read_corpus(source: str | Path, *, field: str = "text") -> Corpus:
    """The corpus that `source` names: a known name, `hf:…` (see `practicum.data.hub`), or a path.

    A known name wins over a file of that name; write ./python for the file.

    Raises DataError: nothing there, no text, not text, no such field; UnknownName.
    """
    name = str(source)
    if isinstance(source, str) and name in CORPORA:
        return corpus(name)
    if name.startswith("hf:"):
        return hub_corpus(name, field=field)
    path = Path(name).expanduser()
    if not path.exists():
        if "/" in name or path.suffix in SUFFIXES:
            raise DataError(f"no file or folder {path}; check the path")
        raise UnknownName("corpus, file or folder", name, CORPORA, "or the path of a text file")
    documents = tuple(_folder(path, field) if path.is_dir() else _file(path, path.name, field))
    if not any(document.text.strip() for document in documents):
        what = f"no text in {', '.join(SUFFIXES)} files" if path.is_dir() else "no text in it"
        raise DataError(f"{path} has {what}; name a file or folder with some")
    name = path.resolve().name
    return Corpus(name=name, licence=LICENCE, source=str(path), documents=documents)


def read_in_two_sides(source: str | Path, *, field: str = "text") -> Corpus:
    """`read_corpus`, with documents cut where they are so few that a side of the split is empty.

    For training and for measuring on what training held out: both get the same sides. Raises
    DataError where the text is too short even for small pieces.
    """
    whole = read_corpus(source, field=field)
    if len(whole.documents) >= FEW and whole.held_out:
        return whole
    for length in PIECES:
        pieces = whole.divided(length)
        if pieces.held_out and len(pieces.train) > len(pieces.held_out):
            return pieces
    raise DataError(
        f"{source} has {whole.size:,} bytes of text, too few to hold a part of it out for "
        "measuring; give more text"
    )


def _folder(folder: Path, field: str) -> Iterator[Document]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    for name in names:
        path = folder / name
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not hidden:
            # An empty __init__.py among full files is no mistake of the user's.
            yield from (d for d in _file(path, name, field) if d.text.strip())


def _file(path: Path, name: str, field: str) -> Iterator[Document]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise DataError(f"{path} is none of {known}; give plain text the ending .txt")
    if suffix == ".jsonl":
        rows = _json_rows(path, field)
    elif suffix == ".parquet":
        rows = _parquet_rows(path, field)
    else:
        rows = iter([("", _text(path))])
    for row, text in rows:
        identity = f"{name}:{row}" if row else name
        yield Document(id=identity, text=text, source=f"{path}", licence=LICENCE)


def text_bytes(path: Path) -> bytes:
    """The bytes of a file that may be UTF-8, without the mark at its start.

    Raises DataError where it cannot be read, or is plainly something else.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot read {path} ({problem.strerror})") from problem
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is UTF-16; convert it: iconv -f UTF-16 -t UTF-8")
    if b"\0" in data:
        raise DataError(f"{path} has zero bytes: it is not text; convert it, or leave it out")
    return data.removeprefix(codecs.BOM_UTF8)


def _text(path: Path) -> str:
    data = text_bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{path} is not UTF-8 (byte {problem.start} is 0x{data[problem.start]:02x}); convert "
            "it, for example: iconv -f LATIN1 -t UTF-8"
        ) from problem
    return text.replace("\r\n", "\n")


def _json_rows(path: Path, field: str) -> Iterator[tuple[str, str]]:
    # Not str.splitlines: JSON strings may hold U+2028 as it is.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as problem:
            raise DataError(f"{path} line {number} is not JSON ({problem})") from problem
        if not isinstance(row, dict):
            raise DataError(f'{path} line {number} is no object; expected {{"{field}": "…"}}')
        text = row_text(row, field, f"{path} line {number}")
        yield str(row.get("id", number)), text


def _parquet_rows(path: Path, field: str) -> Iterator[tuple[str, str]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as problem:
        raise DataError(f"{path} needs pyarrow to be read; run: pip install pyarrow") from problem
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if field not in names:
                raise DataError(f"{path} has no column '{field}'; it has {', '.join(names[:12])}")
            number = 0
            for batch in file.iter_batches(columns=[field]):
                for value in batch.column(0).to_pylist():
                    number += 1
                    yield str(number), row_text({field: value}, field, f"{path} row {number}")
    except (OSError, pyarrow.ArrowException) as problem:
        raise DataError(f"{path} is no readable parquet file ({problem})") from problem
