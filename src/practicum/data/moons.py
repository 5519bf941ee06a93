"""Two half moons in the plane, one inside the other's bend: no line parts them (scikit-learn)."""

import numpy as np
from jaxtyping import Float64

from practicum.seeding import derive


def moons(
    count: int, *, noise: float, seed: int
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, " n"]]:
    """`count` points in random order, and the moon of each: −1 for the upper, 1 for the lower.

    `noise` is the standard deviation of what is added to each coordinate; a moon has radius 1.
    """
    from sklearn.datasets import make_moons  # takes a second

    random_state = derive(seed, "moons") % 2**32
    points, moon = make_moons(n_samples=count, noise=noise, random_state=random_state)
    return np.asarray(points), 2.0 * np.asarray(moon) - 1.0
