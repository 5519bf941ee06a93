"""Python to learn from: files of the standard library that pass the filters of code, in pieces."""

from collections.abc import Sequence
from dataclasses import replace

from practicum.data.code_filters import FileFilters
from practicum.data.corpora import corpus
from practicum.data.documents import Document
from practicum.data.excerpts import up_to
from practicum.errors import DataError
from practicum.seeding import derive

PIECE = 4096  # characters, about


def filtered_python(filters: FileFilters, size: int, *, seed: int) -> list[Document]:
    """About `size` bytes of pieces, or all there are; files and pieces in an order of the seed.

    Files are drawn first, twice as many bytes as asked for, so that few have to be read for little,
    and more of them as long as none passes. Raises DataError where none does.
    """
    python = corpus("python")
    files, drawn = _shuffled(python.documents, seed), 2 * size
    sifted = filters.sift(up_to(drawn, files))
    while not sifted.kept and len(sifted.dropped) < len(files):
        drawn *= 2
        sifted = filters.sift(up_to(drawn, files))
    if not sifted.kept:
        raise DataError(f"the filters drop all {len(sifted.dropped)} files; loosen them")
    kept = replace(python, documents=tuple(sifted.kept))
    return list(up_to(size, _shuffled(kept.divided(PIECE).documents, seed)))


def _shuffled(documents: Sequence[Document], seed: int) -> list[Document]:
    return sorted(documents, key=lambda one: derive(seed, "order", one.id))
