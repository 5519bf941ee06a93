"""Gradient descent on one vector of parameters, with any gradient: θ ← θ − η ∇C.

For gradients written by hand, of which a step costs microseconds. Schedules, checkpoints, and
everything else that a long run needs, are the business of `training.loop`.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

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


@dataclass(frozen=True, eq=False)
class Fall:
    """How a cost fell, from the start to where the parameters stand."""

    vector: Vector
    epochs: list[float]
    seconds: list[float]  # that the steps took, without looking at the cost
    costs: list[float]

    def first(self, below: float) -> int | None:
        """The first look at which the cost was as low as this."""
        return next((i for i, cost in enumerate(self.costs) if cost <= below), None)


def fall(
    start: Vector,
    path: Iterator[Vector],
    cost: Callable[[Vector], float],
    *,
    steps: int,
    epoch: float,
    to: float,
    most: float,
) -> Fall:
    """Walk along `path` until the cost is `to` or less, or `most` epochs are over.

    It looks at the cost before the first step, and after every `steps` steps, which are `epoch`
    epochs long.
    """
    vector, epochs, seconds, costs = start, [0.0], [0.0], [cost(start)]
    while costs[-1] > to and epochs[-1] < most:
        began = time.perf_counter()
        *_, vector = islice(path, steps)
        seconds.append(seconds[-1] + time.perf_counter() - began)
        epochs.append(epochs[-1] + epoch)
        costs.append(cost(vector))
    return Fall(vector, epochs, seconds, costs)


def principal_plane(*paths: Float[np.ndarray, "_ p"]) -> list[Float[np.ndarray, "_ 2"]]:
    """Each path of parameters, a row per moment, seen in the plane in which they move the most.

    The plane is spanned by the two principal directions of all the paths together; a path of which
    every moment is the same point stays one.
    """
    together = np.concatenate(paths)
    centre = together.mean(0)
    _, _, directions = np.linalg.svd(together - centre, full_matrices=False)
    return [(path - centre) @ directions[:2].T for path in paths]
