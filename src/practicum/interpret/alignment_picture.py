"""A translation's alignment as a picture (Bahdanau et al. 2014, Fig. 3): a row per target word.

Black is a weight of 0 and white one of 1, as in the paper. Boxes stand where the right links are,
if those are known, and dashed ones where links are possible but not sure.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from practicum.data.word_links import Link, Links
from practicum.errors import DataError
from practicum.lab.plots import COLOURS, blank


def alignment_picture(
    weights: Float[np.ndarray, "t s"],
    source: Sequence[str],
    target: Sequence[str],
    *,
    gold: Links | None = None,
    title: str = "",
) -> Figure:
    """Weights of each source word for each target word."""
    if weights.shape != (len(target), len(source)):
        raise DataError(
            f"weights of {weights.shape[0]} by {weights.shape[1]} for {len(target)} target and "
            f"{len(source)} source words; expected a row for each target word"
        )
    size = (2.2 + 0.26 * len(source), 1.6 + 0.26 * len(target))
    figure, axes = blank(title, inches=size)
    axes.imshow(weights, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    if gold is not None:
        _boxes(axes, gold.possible, "--")
        _boxes(axes, gold.sure, "-")
    _words(axes, source, target)
    return figure


def _boxes(axes: Axes, links: frozenset[Link], dash: str) -> None:
    for link in sorted(links):
        corner = (link.source - 0.5, link.target - 0.5)
        box = Rectangle(corner, 1, 1, fill=False, edgecolor=COLOURS[1], linestyle=dash, lw=1.4)
        axes.add_patch(box)


def _words(axes: Axes, source: Sequence[str], target: Sequence[str]) -> None:
    axes.xaxis.tick_top()
    size = {"fontsize": 8, "parse_math": False}
    axes.set_xticks(range(len(source)), list(source), rotation=90, **size)
    axes.set_yticks(range(len(target)), list(target), **size)
    axes.tick_params(length=0)
