"""A small web: half real prose, half procedural documents that demonstrate tasks in passing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from practicum.data.corpora import corpus
from practicum.data.demonstrations import Answers, Demonstrations
from practicum.data.documents import Document
from practicum.seeding import derive


@dataclass(frozen=True, kw_only=True)
class MiniWeb:
    """Where the real half comes from and how large the halves are, in bytes of UTF-8."""

    real: tuple[str, ...]  # names of corpora, which give equal parts
    half: int
    held_out: int  # bytes of real prose to measure on
    demonstrations: Demonstrations = Demonstrations()

    def documents(self, *, seed: int, answers: Answers = "right") -> list[Document]:
        """The training text. Where demonstrations are deleted, more real prose takes their room."""
        told = self.demonstrations.documents(seed=seed, answers=answers)
        whole = self.demonstrations.documents(seed=seed)
        chosen, room, deleted = [], self.half, 0
        for document, original in zip(told, whole, strict=False):  # both are endless
            if room <= 0:
                break
            room -= len(original.text)
            if answers == "deleted":
                deleted += len(original.text) - len(document.text)
            chosen.append(document)
        return [*chosen, *self._prose(self.half + deleted, seed, held_out=False)]

    def unseen(self, *, seed: int) -> list[Document]:
        """Real prose from documents that are never in the training text."""
        return list(self._prose(self.held_out, seed, held_out=True))

    def _prose(self, size: int, seed: int, *, held_out: bool) -> Iterator[Document]:
        for name in self.real:
            split = corpus(name).split()
            side = split.held_out if held_out else split.train
            pieces = replace(corpus(name), documents=side).divided().documents
            shuffled = sorted(pieces, key=lambda piece: derive(seed, "order", piece.id))
            yield from up_to(size // len(self.real), shuffled)


def up_to(size: int, documents: Iterable[Document]) -> Iterator[Document]:
    """Documents until `size` bytes are reached."""
    for document in documents:
        if size <= 0:
            return
        size -= len(document.text.encode())
        yield document
