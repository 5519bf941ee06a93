"""Rows of random bits to be kept and given back: copying and associative recall (Graves 2014, §4).

    copy    x_1 … x_n, end, then n silent steps in which x_1 … x_n is to be said
    recall  n items of three rows, a mark before each; end, one of the items again, end, then three
            silent steps in which the item after it is to be said

Two more channels than bits carry the marks: the last but one says that an item begins, the last
that the input, or the question, is over. Only silent steps are scored.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from practicum.errors import ConfigError

ITEM = 3  # rows of an item of associative recall (§4.3)


class BitRows(NamedTuple):
    """What is read, what is to be said, and at which steps that is scored."""

    inputs: Float[np.ndarray, "t c"]
    wanted: Float[np.ndarray, "t n"]
    scored: Bool[np.ndarray, " t"]


@dataclass(frozen=True, kw_only=True)
class BitTask:
    """Sequences of `shortest` to `longest` rows (copy) or items (recall), equal within a draw."""

    task: Literal["copy", "recall"] = "copy"
    bits: int = 8
    shortest: int = 1
    longest: int = 20

    def __post_init__(self) -> None:
        least = 1 if self.task == "copy" else 2
        if self.bits < 1 or not least <= self.shortest <= self.longest:
            raise ConfigError(
                f"BitTask has {self.bits} bits and {self.shortest} to {self.longest} rows; "
                f"expected 1 bit or more, and for {self.task} {least} ≤ shortest ≤ longest"
            )

    def draw(self, count: int, rng: np.random.Generator) -> list[BitRows]:
        """`count` fresh sequences, all of one length, so that they make a rectangle."""
        length = int(rng.integers(self.shortest, self.longest + 1))
        one = self._copy if self.task == "copy" else self._recall
        return [one(length, rng) for _ in range(count)]

    def _copy(self, length: int, rng: np.random.Generator) -> BitRows:
        rows = rng.integers(2, size=(length, self.bits))
        return self._said([self._rows(rows), self._end()], rows)

    def _recall(self, length: int, rng: np.random.Generator) -> BitRows:
        items = rng.integers(2, size=(length, ITEM, self.bits))
        asked = int(rng.integers(length - 1))
        shown = [part for item in items for part in (self._mark(), self._rows(item))]
        question = [self._end(), self._rows(items[asked]), self._end()]
        return self._said([*shown, *question], items[asked + 1])

    def _said(self, parts: list[np.ndarray], answer: np.ndarray) -> BitRows:
        read = np.concatenate(parts)
        silent = np.zeros((len(answer), self.bits + 2), np.float32)
        wanted = np.concatenate([np.zeros((len(read), self.bits), np.float32), answer])
        scored = np.arange(len(read) + len(answer)) >= len(read)
        return BitRows(np.concatenate([read, silent]), wanted.astype(np.float32), scored)

    def _rows(self, rows: np.ndarray) -> Float[np.ndarray, "t c"]:
        return np.pad(rows, ((0, 0), (0, 2))).astype(np.float32)

    def _mark(self) -> Float[np.ndarray, "1 c"]:
        return np.eye(self.bits + 2, dtype=np.float32)[[self.bits]]

    def _end(self) -> Float[np.ndarray, "1 c"]:
        return np.eye(self.bits + 2, dtype=np.float32)[[self.bits + 1]]
