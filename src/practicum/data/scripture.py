"""The King James and the World English Bible: chapters, and verses that correspond.

The package's member is a Python module that holds one long string and two dicts, verse id → first
and last offset. It is parsed, never imported. A verse id is book·10⁶ + chapter·10³ + verse.
"""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from practicum.data.assets import Asset, asset
from practicum.data.documents import Corpus, Document
from practicum.data.syntax import collector_paused
from practicum.errors import DataError

# A psalm's heading stands behind the last verse of the chapter before it.
HEADING = re.compile(r"\s+(BOOK [IVX]+\s+)?Psalm \d.*", re.DOTALL)


def chapters(name: str, path: Path) -> Corpus:
    """One document a chapter, one line a verse; ids such as "genesis 1", equal in all versions."""
    return by_chapters(name, asset(name), *_read(path))


def by_chapters(name: str, row: Asset, books: list[str], verses: Mapping[int, str]) -> Corpus:
    """The corpus called `name` from the names of its books and its verses by their id."""
    lines: dict[str, list[str]] = {}
    for verse, text in verses.items():
        chapter = f"{books[verse // 1_000_000 - 1]} {verse // 1000 % 1000}"
        lines.setdefault(chapter, []).append(text)
    documents = tuple(
        Document(
            id=f"scripture:{chapter}",
            text="\n".join(texts) + "\n",
            source=f"{row.package} {row.version}: {chapter}",
            licence=row.licence,
        )
        for chapter, texts in lines.items()
    )
    source = f"{row.package} {row.version}"
    return Corpus(name=name, licence=row.licence, source=source, documents=documents)


def verses(path: Path) -> dict[int, str]:
    """Verses by their id, in the order of the books; equal ids in two versions are a pair.

    Versions number a few verses differently: a doxology closes Romans 16 in the one and 14 in the
    other.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[list[str], dict[int, str]]:
    try:
        with collector_paused():
            call = _bible_call(ast.parse(path.read_text(encoding="utf-8")))
            text = max((ast.literal_eval(a) for a in call.args if _is_text(a)), key=len)
            starts, ends, titles = [a for a in call.args if isinstance(a, ast.Dict)][:3]
            books = [key.attr for key in titles.keys if isinstance(key, ast.Attribute)]
            first, last = ast.literal_eval(starts), ast.literal_eval(ends)
            spans = {verse: (first[verse], last[verse]) for verse in sorted(first)}
    except (OSError, SyntaxError, ValueError, KeyError, StopIteration) as problem:
        raise DataError(f"{path} is not a bible as the catalogue describes it") from problem
    names = [" ".join(reversed(book.lower().split("_"))) for book in books]  # KINGS_1 → 1 kings
    return names, {verse: _clean(text[a:b]) for verse, (a, b) in spans.items()}


def _bible_call(tree: ast.Module) -> ast.Call:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return next(c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Bible")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _clean(verse: str) -> str:
    """The verse as running text.

    Away go headings, line breaks of poetry, and the brackets round words that translators added;
    the backtick, which stands for every single quote in these files, becomes one.
    """
    text = HEADING.sub("", verse).replace("`", "'")
    return " ".join(re.sub(r"[\[\]]", "", text).split())
