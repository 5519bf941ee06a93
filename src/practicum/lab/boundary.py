"""Where a score of two numbers changes its sign, with the points it was learned from."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from practicum.lab.plots import COLOURS, blank

Rows = Float[np.ndarray, "n 2"]
GRID = 120  # points along each side at which the score is asked


def boundary(
    score: Callable[[Rows], Float[np.ndarray, " n"]],
    points: Rows,
    signs: Float[np.ndarray, " n"],
    *,
    title: str,
    margin: float = 0.5,
) -> Figure:
    """The plane shaded by the sign of `score`, its zero as a line; discs have sign +1, crosses −1.

    The picture reaches `margin` beyond the outermost points.
    """
    figure, axes = blank(title, inches=(6, 4.5))
    low, high = points.min(0) - margin, points.max(0) + margin
    xs, ys = (np.linspace(*ends, GRID) for ends in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    heights = score(grid.reshape(-1, 2)).reshape(GRID, GRID)
    below, above = COLOURS[1], COLOURS[0]
    axes.contourf(xs, ys, heights > 0, levels=(-0.5, 0.5, 1.5), colors=(below, above), alpha=0.15)
    if heights.min() < 0 < heights.max():
        axes.contour(xs, ys, heights, levels=(0.0,), colors="black", linewidths=1.2)
    for sign, marker, colour in ((1, "o", above), (-1, "X", below)):
        axes.scatter(*points[signs == sign].T, color=colour, marker=marker, s=26)
    axes.set_aspect("equal")
    return figure
