"""So many bytes of corpora: pieces of the documents of one side, in an order of the seed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from practicum.data.corpora import corpus
from practicum.data.documents import Document
from practicum.seeding import derive


def excerpt(
    names: Sequence[str], size: int, *, seed: int, held_out: bool = False
) -> Iterator[Document]:
    """About `size` bytes, of which each of the corpora called `names` gives an equal part."""
    for name in names:
        split = corpus(name).split()
        side = split.held_out if held_out else split.train
        pieces = replace(corpus(name), documents=side).divided().documents
        shuffled = sorted(pieces, key=lambda piece: derive(seed, "order", piece.id))
        yield from up_to(size // len(names), shuffled)


def up_to(size: int, documents: Iterable[Document]) -> Iterator[Document]:
    """Documents until `size` bytes are reached."""
    for document in documents:
        if size <= 0:
            return
        size -= len(document.text.encode())
        yield document
