"""Pictures of landscapes from numbers: contour maps with paths, curves with walks down them.

What the numbers are of is for the caller to say: a network's cost over a plane of its weights, or a
formula of one or two variables.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from practicum.lab.plots import COLOURS, blank

Places = Sequence[tuple[float, float]] | Float[np.ndarray, "points 2"]
LEVELS = 24


def contours(
    xs: Float[np.ndarray, " n"],
    ys: Float[np.ndarray, " m"],
    heights: Float[np.ndarray, "m n"],
    *,
    title: str,
    x: str,
    y: str,
    paths: Mapping[str, Places] | None = None,
    log: bool = False,
) -> Figure:
    """A contour map, a row of `heights` for each of `ys`; each path goes from a ring to a disc.

    With `log` equal steps of colour are equal ratios, which shows a narrow valley in high ground;
    it wants heights above 0. Heights that are not finite stay white.
    """
    figure, axes = blank(title, x, y)
    ground = np.ma.masked_invalid(heights)
    low, high = float(ground.min()), float(ground.max())
    if high <= low:  # flat ground has no contours
        high = low + 1
    levels = np.geomspace(low, high, LEVELS) if log else np.linspace(low, high, LEVELS)
    filled = axes.contourf(
        xs, ys, ground, levels=levels, cmap="viridis", norm=LogNorm() if log else None
    )
    axes.contour(xs, ys, ground, levels=levels, colors="white", linewidths=0.4, alpha=0.6)
    figure.colorbar(filled, ax=axes, format="%.3g")
    for index, (name, places) in enumerate((paths or {}).items()):
        _walk(axes, np.asarray(places, dtype=float), _colour(index), name)
    axes.set_xlim(float(np.min(xs)), float(np.max(xs)))
    axes.set_ylim(float(np.min(ys)), float(np.max(ys)))
    if paths:
        axes.legend(fontsize=8, loc="upper right")
    return figure


def valleys(
    xs: Float[np.ndarray, " n"],
    heights: Float[np.ndarray, " n"],
    *,
    title: str,
    x: str,
    y: str,
    walks: Mapping[str, Places] | None = None,
) -> Figure:
    """A curve, and walks down it given as their (x, height); each goes from a ring to a disc."""
    figure, axes = blank(title, x, y)
    axes.plot(xs, heights, color="black", linewidth=1.2)
    for index, (name, places) in enumerate((walks or {}).items()):
        _walk(axes, np.asarray(places, dtype=float), _colour(index), name)
    if walks:
        axes.legend(fontsize=8, frameon=False)
    return figure


def _walk(axes: Axes, places: Float[np.ndarray, "points 2"], colour: str, name: str) -> None:
    axes.plot(
        *places.T, color=colour, marker=".", markersize=3, linewidth=1.2, label=name, zorder=3
    )
    axes.plot(*places[0], "o", markerfacecolor="white", markeredgecolor=colour, zorder=4)
    axes.plot(*places[-1], "o", color=colour, markeredgecolor="white", zorder=4)


def _colour(index: int) -> str:
    return (COLOURS[1:] + COLOURS[:1])[index % len(COLOURS)]  # blue is lost on the dark valleys
