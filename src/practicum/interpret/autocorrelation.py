"""Moran's I (1950): how much neighbouring pixels resemble each other.

I = (n/W) · Σ_ij w_ij d_i d_j / Σ_i d_i²,  d_i = x_i − x̄, w_ij = 1 where j is above, below, left or
right of i, else 0, and W = Σ w_ij. Noise has I near 0 (expected −1/(n − 1)), a smooth patch near 1,
a chess board −1.
"""

from statistics import fmean

import numpy as np
from jaxtyping import Float

from practicum.errors import DataError


def morans_i(picture: Float[np.ndarray, "rows columns"]) -> float:
    """I of one picture. Raises DataError for a picture of one grey value, which has none."""
    d = picture.astype(np.float64) - picture.mean(dtype=np.float64)
    spread = (d * d).sum()
    if not spread > 0:
        raise DataError("a picture of one grey value has no autocorrelation")
    beside, below = d[:, 1:] * d[:, :-1], d[1:] * d[:-1]  # every pair once, both in Σ and in W
    return float(d.size / (beside.size + below.size) * (beside.sum() + below.sum()) / spread)


def mean_morans_i(pictures: Float[np.ndarray, "n rows columns"]) -> float:
    """The mean of I over several pictures."""
    return fmean(morans_i(picture) for picture in pictures)
