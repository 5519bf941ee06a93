"""Rows of numbers over time: pictures with noise after them and a class each, and smooth signals.

A picture read pixel by pixel and followed by noise asks for a memory: whoever answers at the end
has to hold what was seen before the noise began (Chang et al. 2019, noise-padded CIFAR).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from practicum.data.images import Images
from practicum.errors import DataError
from practicum.seeding import derive


@dataclass(frozen=True, eq=False)
class Signals(Sequence[tuple[Float32[np.ndarray, "t f"], int]]):
    """n signals of t steps with f numbers each, and their classes."""

    values: Float32[np.ndarray, "n t f"]
    labels: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Float32[np.ndarray, "t f"], int]:  # type: ignore[override]
        return self.values[index], int(self.labels[index])


def padded_pictures(pictures: Images, *, side: int, padding: int, seed: int) -> Signals:
    """Each picture enlarged to `side` × `side`, row by row, then `padding` steps of N(0, 1).

    Grey values go from −1 to 1. The noise of a picture depends on `seed` and its place alone: less
    padding is the beginning of more.

    Raises DataError where `side` is no multiple of the pictures' own.
    """
    times, rest = divmod(side, pictures.side)
    if rest or times < 1 or padding < 0:
        raise DataError(
            f"pictures of {pictures.side} × {pictures.side} cannot be enlarged to {side} × {side} "
            f"and followed by {padding} steps; give a multiple of {pictures.side}, and 0 or more"
        )
    square = pictures.pixels.reshape(-1, pictures.side, pictures.side)
    large = square.repeat(times, axis=1).repeat(times, axis=2).reshape(len(square), -1)
    noise = [
        np.random.default_rng(derive(seed, "padding", place)).standard_normal(padding)
        for place in range(len(pictures))
    ]
    values = np.concatenate([2 * large - 1, np.array(noise)], axis=1)
    return Signals(values.astype(np.float32)[..., None], pictures.labels)


def band_limited(
    count: int, length: int, *, cycles: int, seed: int
) -> Float64[np.ndarray, "count length"]:
    """Random signals without frequencies above `cycles` periods in `length` steps, of variance 1.

    u_t = Σ_k a_k cos(2πkt/length) + b_k sin(2πkt/length),  k = 1 … cycles, a and b alike normal.

    Raises DataError where steps are too few to tell the frequencies apart.
    """
    if not 1 <= cycles < length / 2 or count < 1:
        raise DataError(
            f"{count} signals of {length} steps and up to {cycles} periods; expected 1 signal or "
            "more, and from 1 to less than half as many periods as steps"
        )
    amplitudes = np.random.default_rng(derive(seed, "band")).standard_normal((count, 2 * cycles))
    angles = 2 * np.pi * np.outer(np.arange(1, cycles + 1), np.arange(length) / length)
    return amplitudes @ np.concatenate([np.cos(angles), np.sin(angles)]) / math.sqrt(cycles)
