"""Windows: documents laid end to end, cut into stretches of equal length.

Window i covers tokens i·n … i·n + n: n inputs and, shifted by one, n targets. Neighbours share one
token, so that every token but the first is a target exactly once. What is left at the end is less
than a window and is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from jaxtyping import Int64

from practicum.data.shards import TokenShards
from practicum.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Example:
    """A stretch of ids and, where documents must not see each other, whose each id is."""

    ids: Int64[np.ndarray, " t"]
    segments: Int64[np.ndarray, " t"] | None = None  # document numbers, rising from 0


class Windows(Sequence[Example]):
    """All windows of `length` inputs (and so `length` + 1 ids) of the shards.

    With `segments` every example says which of its ids belong to one document; without, a model may
    look back over the borders, as GPT-2 and GPT-3 did.
    """

    def __init__(self, shards: TokenShards, length: int, *, segments: bool = False) -> None:
        if length < 1:
            raise DataError(f"windows of {length} tokens are impossible; expected 1 or more")
        if len(shards) <= length:
            raise DataError(
                f"{len(shards)} tokens give no window of {length} + 1; take a shorter context or "
                "more text"
            )
        self.shards = shards
        self.length = length
        self.with_segments = segments

    def __len__(self) -> int:
        return (len(self.shards) - 1) // self.length

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        start = int(number) * self.length
        stop = start + self.length + 1
        segments = self.shards.segments(start, stop) if self.with_segments else None
        return Example(ids=self.shards.read(start, stop), segments=segments)
