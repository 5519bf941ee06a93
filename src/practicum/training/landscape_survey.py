"""A survey of the landscape around a trained network: what a report shows of it.

Three lines (to another trained network, and along two random filter-normalised directions), and a
map of the principal plane of the path by which training came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from torch import nn

from practicum.seeding import stream
from practicum.training.landscape import (
    Line,
    Measure,
    Weights,
    along,
    barrier,
    between,
    filter_normalised,
    over,
    principal,
    weights_of,
)

MARGIN = 0.25  # of the path's extent, left free on each side of a map


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """Costs along lines and over a map."""

    places: Float64[np.ndarray, " n"]  # s of the lines: 0 is the network, 1 the other one
    between: Float64[np.ndarray, " n"]
    directions: tuple[Float64[np.ndarray, " _"], ...]
    barrier: float
    rights: Float64[np.ndarray, " g"]
    ups: Float64[np.ndarray, " g"]
    heights: Float64[np.ndarray, "g g"]  # a row for each of `ups`
    path: Float64[np.ndarray, "p 2"]
    shown: float  # share of the path's movement that lies in the plane


def survey(
    model: nn.Module,
    other: Weights,
    path: Sequence[Weights],
    measure: Measure,
    *,
    seed: int,
    grid: int = 21,
    steps: int = 26,
) -> Survey:
    """The landscape of `measure` around `model`, whose training went along `path`.

    `steps` and `grid` are the points along each line and each axis of the map.
    """
    here, places = weights_of(model), np.linspace(0.0, 1.0, steps)
    across = along(model, measure, between(here, other), places.tolist())
    ways = [filter_normalised(here, generator=stream(seed, "direction", n)) for n in range(2)]
    directions = [along(model, measure, Line(here, way), places.tolist()) for way in ways]
    seen = principal([*path, here])
    trodden = np.array(seen.places)
    rights, ups = (_frame(column, grid) for column in trodden.T)
    return Survey(
        places=places,
        between=across,
        directions=tuple(directions),
        barrier=barrier(across),
        rights=rights,
        ups=ups,
        heights=over(model, measure, seen.plane, rights.tolist(), ups.tolist()),
        path=trodden,
        shown=sum(seen.shares),
    )


def _frame(column: Float64[np.ndarray, " p"], grid: int) -> Float64[np.ndarray, " g"]:
    extent = float(np.ptp(column)) or 1.0
    return np.linspace(column.min() - MARGIN * extent, column.max() + MARGIN * extent, grid)
