"""A small web: half real prose, half procedural documents that demonstrate tasks in passing."""

from dataclasses import dataclass

from practicum.data.demonstrations import Answers, Demonstrations
from practicum.data.documents import Document
from practicum.data.excerpts import excerpt


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
        return [*chosen, *excerpt(self.real, self.half + deleted, seed=seed)]

    def unseen(self, *, seed: int) -> list[Document]:
        """Real prose from documents that are never in the training text."""
        return list(excerpt(self.real, self.held_out, seed=seed, held_out=True))
