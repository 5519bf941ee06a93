"""The user's own Python files: read with their encodings and line ends, and replaced with them.

A folder is read with its subfolders; left out are hidden ones, tests, and what is installed there.
"""

import os
import secrets
import shutil
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from practicum.data.described_functions import (
    DescribedFunction,
    described_functions,
    with_docstrings,
)
from practicum.data.package_files import package_files
from practicum.data.standard_library import LEFT_OUT, STANDARD, python_source
from practicum.errors import DataError
from practicum.events import Note, emit


@dataclass(frozen=True, kw_only=True)
class CodeFile:
    """A file that is Python, and the functions in it."""

    path: Path
    encoding: str
    text: str  # its line ends as they are
    functions: tuple[DescribedFunction, ...]

    def check_writable(self) -> None:
        """Raises DataError where the file's folder takes no new files."""
        folder = self.path.resolve().parent
        if not os.access(folder, os.W_OK):
            raise DataError(f"cannot write {self.path}: the folder {folder} is not writable")

    def write(self, said: Mapping[DescribedFunction, str]) -> None:
        """Give functions these docstrings. The file is replaced as a whole or stays as it was.

        Characters that its encoding lacks become escapes. Raises DataError where more than
        docstrings would change, where somebody changed the file meanwhile, or where it cannot be
        written.
        """
        try:
            if self.path.read_bytes() != self.text.encode(self.encoding):
                raise DataError("it has changed since it was read")
            text = with_docstrings(self.text, said)
            _replace(self.path.resolve(), text.encode(self.encoding, "backslashreplace"))
        except DataError as problem:
            raise DataError(f"{self.path} stays as it is: {problem}") from problem


def code_files(place: str | Path) -> list[CodeFile]:
    """The file of that name, or those of the folder that are Python.

    What is none in a folder is left out and said. Raises DataError where nothing is there, or a
    file that was named is no Python.
    """
    path = Path(place).expanduser()
    if not path.exists():
        raise DataError(f"no file or folder {path}; check the path")
    if not path.is_dir():
        return [_read(path)]
    found = []
    for name in _python_below(path):
        try:
            found.append(_read(name))
        except DataError as problem:
            emit(Note(text=f"left out: {problem}"))
    if not found:
        raise DataError(f"no Python in {path}; name a folder with .py files")
    return found


def documented_functions(source: str) -> list[DescribedFunction]:
    """The functions with docstrings of a file or folder, an installed package, or `python`.

    Nothing is executed. Raises DataError where there are none.
    """
    if source == STANDARD:
        functions = _of_texts(document.text for document in python_source().documents)
    elif Path(source).expanduser().exists():
        functions = [function for file in code_files(source) for function in file.functions]
    else:
        functions = _of_texts(package_files(source).values())
    documented = [function for function in functions if function.docstring]
    if not documented:
        raise DataError(f"no function of {source} has a docstring to learn from")
    return documented


def _of_texts(texts: Iterable[str]) -> list[DescribedFunction]:
    found = []
    for text in texts:
        try:
            found += described_functions(text)
        except (SyntaxError, ValueError, RecursionError):
            continue  # a template, or for another Python
    return found


def _python_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and LEFT_OUT.isdisjoint(parts):
            yield path


def _read(path: Path) -> CodeFile:
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise DataError(f"cannot read {path}: {problem.strerror}") from problem
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        text = data.decode(encoding)
        functions = described_functions(text)
    except SyntaxError as problem:
        line = f", line {problem.lineno}" if problem.lineno else ""
        raise DataError(f"{path} is no Python ({problem.msg}{line})") from problem
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path} is no Python ({problem})") from problem
    return CodeFile(path=path, encoding=encoding, text=text, functions=tuple(functions))


def _replace(path: Path, data: bytes) -> None:
    """Beside it first: nobody sees half a file."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            partial.write_bytes(data)
            shutil.copymode(path, partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(f"it cannot be written ({problem.strerror})") from problem
