"""What every Python brings along: its source, its docstrings, its reference topics.

Never executed, only read. A module and its docstrings have the same id, so that a model trained on
the one is not measured on the other's copy. Left out: tests; `pydoc_data`, which is the topics; and
files that are made when a Python is built and differ from machine to machine.
"""

import ast
import platform
import sysconfig
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from practicum.data.documents import Corpus, Document
from practicum.data.syntax import collector_paused
from practicum.errors import DataError

STANDARD = "python"  # what the standard library is called here
LICENCE = "PSF-2.0"
LEFT_OUT = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "pydoc_data"}
)
BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # where definitions may stand
GENERATED = ("config-*/*.py", "_sysconfigdata*.py", "_sysconfig_vars*.py")


def python_source() -> Corpus:
    """Modules of the standard library: one document each, its id the path, such as "json/tool.py".

    Raises DataError where this Python keeps no source.
    """
    documents = tuple(_document(name, text) for name, text in _modules())
    return Corpus(name="python", licence=LICENCE, source=_library(), documents=documents)


@cache  # two seconds of parsing, and `prose` asks for it too
def docstrings() -> Corpus:
    """Docstrings of the standard library: one document a module, blank lines between them."""
    with collector_paused():
        texts = [(name, "\n\n".join(_docstrings(ast.parse(text)))) for name, text in _modules()]
    documents = tuple(_document(name, text + "\n") for name, text in texts if text)
    return Corpus(name="docstrings", licence=LICENCE, source=_library(), documents=documents)


def topics() -> Corpus:
    """The language reference as `help()` shows it: one document a topic, such as "assert"."""
    try:
        from pydoc_data.topics import topics as known
    except ImportError as problem:
        raise DataError("this Python has no pydoc topics; use another corpus") from problem
    documents = tuple(_document(f"topic:{name}", known[name] + "\n") for name in sorted(known))
    return Corpus(name="topics", licence=LICENCE, source=_library(), documents=documents)


def prose() -> Corpus:
    """The prose that is always there: topics, then docstrings; 2 MB of reference English."""
    documents = (*topics().documents, *docstrings().documents)
    return Corpus(name="prose", licence=LICENCE, source=_library(), documents=documents)


def _library() -> str:
    return f"standard library of {platform.python_implementation()} {platform.python_version()}"


def _document(identity: str, text: str) -> Document:
    return Document(id=identity, text=text, source=f"{_library()}: {identity}", licence=LICENCE)


def _modules() -> Iterator[tuple[str, str]]:
    """(path below the library, source) of every module that counts, in the order of the paths."""
    root = Path(sysconfig.get_path("stdlib"))
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.py"))
    wanted = [name for name in names if _counts(PurePosixPath(name))]
    if not wanted:
        raise DataError(f"this Python keeps no source of its library in {root}")
    for name in wanted:
        with tokenize.open(root / name) as file:  # some modules declare another encoding
            text = file.read()
        if text.strip():
            yield name, text


def _counts(path: PurePosixPath) -> bool:
    return LEFT_OUT.isdisjoint(path.parts) and not any(path.match(made) for made in GENERATED)


def _docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings of the module and its definitions, as they stand in the source."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and text.strip():
                yield text.strip()
        waiting += reversed([c for c in ast.iter_child_nodes(node) if isinstance(c, BLOCKS)])
