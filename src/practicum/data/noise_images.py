"""Images of nothing: every pixel drawn by itself from U[low, high]."""

import numpy as np
from jaxtyping import Float32

from practicum.data.images import Images
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


def beside_noise(
    images: Images, *, share: float, classes: int, seed: int
) -> list[tuple[Float32[np.ndarray, " i"], Float32[np.ndarray, " o"]]]:
    """The images with their one-hot labels, and noise, `share` as many, of which nothing is wanted.

    Each example is (pixels, wanted outputs): every output of an image of noise is to be 0.
    """
    noise = noise_images(round(share * len(images)), images.pixels.shape[1], seed=seed)
    wanted = np.eye(classes, dtype=np.float32)[images.labels]
    nothing = np.zeros((len(noise), classes), np.float32)
    return [*zip(images.pixels, wanted, strict=True), *zip(noise, nothing, strict=True)]
