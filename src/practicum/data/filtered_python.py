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

    Files are drawn first, twice as many bytes as asked for, so that few have to be read for little.
    Raises DataError where none of these passes.
    """
    python = corpus("python")
    files = up_to(2 * size, _shuffled(python.documents, seed))
    sifted = filters.sift(files)
    if not sifted.kept:
        raise DataError(f"the filters drop all {len(sifted.dropped)} files drawn; loosen them")
    kept = replace(python, documents=tuple(sifted.kept))
    return list(up_to(size, _shuffled(kept.divided(PIECE).documents, seed)))


def _shuffled(documents: Sequence[Document], seed: int) -> list[Document]:
    return sorted(documents, key=lambda one: derive(seed, "order", one.id))
