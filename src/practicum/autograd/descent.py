"""Gradient descent on one vector of parameters, with any gradient: θ ← θ − η ∇C.

For gradients written by hand, of which a step costs microseconds. Schedules, checkpoints, and
everything else that a long run needs, are the business of `training.loop`.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float

Vector = Float[np.ndarray, " p"]
Rows = Float[np.ndarray, "n _"]
Gradient = Callable[[Vector, Rows, Rows], Vector]  # of parameters, inputs and targets


def descend(
    start: Vector, gradient: Gradient, batches: Iterable[tuple[Rows, Rows]], *, rate: float
) -> Iterator[Vector]:
    """The parameters after each step, one step per batch (inputs, targets).

    It is one array that keeps changing, apart from `start`: copy what should stay.
    """
    vector = start.copy()
    for x, y in batches:
        vector -= rate * gradient(vector, x, y)
        yield vector


def principal_plane(*paths: Float[np.ndarray, "_ p"]) -> list[Float[np.ndarray, "_ 2"]]:
    """Each path of parameters, a row per moment, seen in the plane in which they move the most.

    The plane is spanned by the two principal directions of all the paths together; a path of which
    every moment is the same point stays one.
    """
    together = np.concatenate(paths)
    centre = together.mean(0)
    _, _, directions = np.linalg.svd(together - centre, full_matrices=False)
    return [(path - centre) @ directions[:2].T for path in paths]
