"""Signals over time, drawn as lines: panels under one another, with the lines of each laid over."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.errors import DataError
from practicum.lab.plots import COLOURS, DASHES

Lines = Mapping[str, Float[np.ndarray, " t"]]


def signal_picture(panels: Mapping[str, Lines], *, title: str, x: str = "step") -> Figure:
    """A panel for every entry, by its name; lines of one name have one colour everywhere.

    Raises DataError where there is nothing to draw.
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    if not names:
        raise DataError("a picture of no signals; give one panel or more, each with a line")
    figure = Figure(figsize=(7, 1.0 + 1.4 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (panel, lines) in zip(grid, panels.items(), strict=True):
        for name, values in lines.items():
            place = names.index(name)
            colour, dash = COLOURS[place % len(COLOURS)], DASHES[place % len(DASHES)]
            axes.plot(values, color=colour, linestyle=dash, linewidth=1.2, label=name)
        axes.set_title(panel, fontsize=9, loc="left", parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    grid[0].legend(fontsize=8, frameon=False, ncols=len(names))
    grid[-1].set_xlabel(x)
    return figure
