"""Images of nothing: every pixel drawn by itself from U[low, high]."""

import numpy as np
from jaxtyping import Float32

from practicum.errors import DataError
from practicum.seeding import derive


def noise_images(
    count: int, inputs: int, *, seed: int, low: float = 0.0, high: float = 1.0
) -> Float32[np.ndarray, "n i"]:
    """`count` rows of `inputs` pixels; keep to the range of the training set."""
    if count < 1 or inputs < 1 or not low < high:
        raise DataError(
            f"{count} noise images of {inputs} pixels from {low} to {high}; "
            "expected one or more of each, and low below high"
        )
    draw = np.random.default_rng(derive(seed, "noise images"))
    return draw.uniform(low, high, (count, inputs)).astype(np.float32)
