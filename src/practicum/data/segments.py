"""Documents of several kinds of segments: written ones in ids, and signals in pieces of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """A stretch of text."""

    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Signal:
    """A picture's patches, or a sound's frames, in the order in which they are read."""

    pieces: Float32[np.ndarray, "n f"]


Segment = Written | Signal
Document = Sequence[Segment]
