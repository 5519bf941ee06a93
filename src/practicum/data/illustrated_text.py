"""Prose with pictures of digits in its middle, and behind each picture the digit."""

import numpy as np
import torch
from jaxtyping import Float32

from practicum.data.images import Images
from practicum.data.patches import cut
from practicum.data.segments import Document, Segment, Signal, Written
from practicum.data.shards import TokenShards
from practicum.errors import DataError

ZERO = ord("0")


class IllustratedText:
    """Documents of `stretch` bytes, then `pictures` with their digits, then `stretch` bytes more.

    The pictures are cut into squares of `side`. The shards are those of a tokenizer of bytes.
    Without pictures the same prose stands there at the same draw: the text alone.
    """

    def __init__(
        self, shards: TokenShards, images: Images, *, pictures: int, stretch: int, side: int = 2
    ) -> None:
        if pictures < 0 or stretch < 1 or len(shards) <= 2 * stretch:
            raise DataError(
                f"{pictures} pictures between stretches of {stretch} bytes of {len(shards)}; "
                "expected 0 or more pictures, and more text than a document takes"
            )
        self.shards, self.labels = shards, images.labels
        self.pictures, self.stretch = pictures, stretch
        squares = torch.from_numpy(images.pixels).view(-1, images.side, images.side)
        # from −1, dark, to 1, so that ink and ground are told apart by sign
        self.pieces: Float32[np.ndarray, "m n f"] = cut(2 * squares - 1, side).contiguous().numpy()

    def draw(self, count: int, rng: np.random.Generator) -> list[Document]:
        """`count` fresh documents."""
        return [self._document(rng, with_pictures=True) for _ in range(count)]

    def text_alone(self, count: int, rng: np.random.Generator) -> list[Document]:
        """The documents of the same draw, without their pictures and the digits behind."""
        return [self._document(rng, with_pictures=False) for _ in range(count)]

    def riddles(self, *, blank: bool = False) -> list[Document]:
        """Every picture alone with its digit behind; `blank`: nothing is on the picture."""
        pieces = np.full_like(self.pieces, -1) if blank else self.pieces
        return [
            (Signal(pieces=one), Written(ids=(ZERO + int(label),)))
            for one, label in zip(pieces, self.labels, strict=True)
        ]

    def prose(self, count: int, rng: np.random.Generator) -> list[Document]:
        """Single stretches."""
        return [(Written(ids=self._text(rng, self.stretch)),) for _ in range(count)]

    def _document(self, rng: np.random.Generator, *, with_pictures: bool) -> Document:
        ids = self._text(rng, 2 * self.stretch)
        chosen = rng.integers(len(self.labels), size=self.pictures)
        if not with_pictures:
            return (Written(ids=ids),)
        segments: list[Segment] = [Written(ids=ids[: self.stretch])]
        for picture in chosen:
            segments.append(Signal(pieces=self.pieces[picture]))
            segments.append(Written(ids=(ZERO + int(self.labels[picture]),)))
        return (*segments, Written(ids=ids[self.stretch :]))

    def _text(self, rng: np.random.Generator, length: int) -> tuple[int, ...]:
        start = int(rng.integers(len(self.shards) - length))
        return tuple(self.shards.read(start, start + length).tolist())


class TextAlone:
    """The documents of an `IllustratedText` without pictures, drawn as theirs are."""

    def __init__(self, illustrated: IllustratedText) -> None:
        self.illustrated = illustrated

    def draw(self, count: int, rng: np.random.Generator) -> list[Document]:
        """`count` fresh documents."""
        return self.illustrated.text_alone(count, rng)
