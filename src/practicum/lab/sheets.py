"""Sheets of small pictures, a line under each: weights, mistakes, noise and its answers."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.errors import ConfigError


def sheet(
    pictures: Float[np.ndarray, "n height width"],
    captions: Sequence[str],
    *,
    title: str,
    columns: int = 8,
    signed: bool = False,
) -> Figure:
    """Grey pictures from 0 (black) to 1, or `signed` ones: blue above zero, red below, white at it.

    Each signed picture has a scale of its own, ± its largest value.
    """
    if not 0 < len(pictures) == len(captions):
        raise ConfigError(
            f"{len(pictures)} pictures with {len(captions)} captions; expected one each, and some"
        )
    columns = min(columns, len(pictures))
    lines = math.ceil(len(pictures) / columns)
    figure = Figure(figsize=(1.1 * columns, 0.4 + 1.35 * lines), layout="constrained")
    FigureCanvasAgg(figure)  # draws without a display
    figure.suptitle(title, fontsize=11)
    for place, axes in enumerate(figure.subplots(lines, columns, squeeze=False).flat):
        axes.axis("off")
        if place >= len(pictures):
            continue
        picture = pictures[place]
        most = float(np.abs(picture).max()) or 1.0
        low, high, colours = (-most, most, "RdBu") if signed else (0.0, 1.0, "gray")
        axes.imshow(picture, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(captions[place], fontsize=7, y=-0.28, parse_math=False)
    return figure
