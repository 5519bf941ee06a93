"""Documents, corpora, and the one rule by which a document is held out.

A document's identity decides its side: the first 8 bytes of SHA-256(id), read as a fraction of 2⁶⁴,
are below `fraction` exactly for held-out documents. So the split is the same in every run, in every
sample of a corpus, on every machine; and what is held out at 5 % is also held out at 10 %. Two
corpora that tell the same content apart only by form (two translations of a chapter; a module and
its docstrings) share ids, hence sides.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from practicum.errors import DataError

HELD_OUT = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One text with its identity."""

    id: str
    text: str
    source: str  # where it came from, such as "CPython 3.11.7: asyncio/events.py"
    licence: str


@dataclass(frozen=True, kw_only=True)
class Split:
    """The two sides of a corpus, each in the corpus's order. A small corpus may leave one empty."""

    train: tuple[Document, ...]
    held_out: tuple[Document, ...]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Documents in a fixed order, with their licence and where they come from."""

    name: str
    licence: str
    source: str
    documents: tuple[Document, ...]

    def __post_init__(self) -> None:
        if not any(document.text for document in self.documents):
            raise DataError(f"corpus '{self.name}' has no text ({self.source})")

    def split(self, fraction: float = HELD_OUT) -> Split:
        """Training documents and about `fraction` of all documents held out, by identity."""
        if not 0 <= fraction <= 1:
            raise DataError(f"the held-out fraction is {fraction}; expected a number from 0 to 1")
        held_out = tuple(d for d in self.documents if is_held_out(d.id, fraction))
        train = tuple(d for d in self.documents if not is_held_out(d.id, fraction))
        return Split(train=train, held_out=held_out)

    @cached_property
    def train(self) -> tuple[Document, ...]:
        """Documents to learn from, at the usual fraction."""
        return self.split().train

    @cached_property
    def held_out(self) -> tuple[Document, ...]:
        """Documents to measure on, at the usual fraction."""
        return self.split().held_out

    @cached_property
    def size(self) -> int:
        """UTF-8 bytes of all texts."""
        return sum(len(document.text.encode()) for document in self.documents)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this content, for fingerprints."""
        return content_digest(self.documents)

    def divided(self, length: int | None = None) -> "Corpus":
        """This corpus with every document cut into pieces of about `length` characters.

        For a corpus of one or few files, whose split would else leave a side empty. Cuts lie after
        the first blank line (else line end, else space) past `length`; piece k has the id
        "<id>#k", so text added at the end of a file leaves earlier pieces on their side. Without a
        `length` it is 4096, or for a small corpus what gives about a hundred pieces.
        """
        length = self._piece_length() if length is None else length
        pieces = tuple(
            Document(id=f"{d.id}#{k}", text=text, source=d.source, licence=d.licence)
            for d in self.documents
            for k, text in enumerate(_cut(d.text, length))
        )
        return Corpus(name=self.name, licence=self.licence, source=self.source, documents=pieces)

    def _piece_length(self) -> int:
        characters, length = sum(len(document.text) for document in self.documents), 4096
        while length > 256 and characters < 100 * length:  # at 5 % a side of 100 is rarely empty
            length //= 2
        return length


def is_held_out(identity: str, fraction: float) -> bool:
    """Which side the document with this id is on."""
    return hash_number(identity.encode()) < fraction * 2.0**64


def hash_number(data: bytes) -> int:
    """A number below 2⁶⁴ that depends on `data` alone: what every split is decided by."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def content_digest(documents: Sequence[Document]) -> str:
    """Twelve hexadecimal digits that depend on every id and text, in order."""
    content = hashlib.sha256()
    for document in documents:
        for part in (document.id, document.text):
            data = part.encode()
            content.update(len(data).to_bytes(8, "big") + data)
    return content.hexdigest()[:12]


def _cut(text: str, length: int) -> list[str]:
    if length < 1:
        raise DataError(f"pieces of {length} characters are impossible; expected 1 or more")
    pieces, start = [], 0
    while len(text) - start > length:
        end = _cut_place(text, start + length, start + 2 * length)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]] if start < len(text) or not pieces else pieces


def _cut_place(text: str, earliest: int, latest: int) -> int:
    for mark in ("\n\n", "\n", " "):
        found = text.find(mark, earliest, latest)
        if found != -1:
            return found + len(mark)
    return min(latest, len(text))
