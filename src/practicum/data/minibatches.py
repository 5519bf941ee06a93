"""Rows of two arrays in mini-batches: shuffled every epoch, cut into batches, one after another."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from practicum.data.loader import Loader

Rows = Float[np.ndarray, "n _"]


def minibatches(x: Rows, y: Rows, size: int, *, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Batches without end, in the order in which a `Loader` of this size and seed draws them."""
    for chosen in Loader(range(len(x)), size, seed=seed):
        yield x[chosen], y[chosen]
