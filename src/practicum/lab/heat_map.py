"""A table of means as colours: an arm in every row, a number in every column."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.figure import Figure

from practicum.lab.plots import blank
from practicum.lab.rows import Rows


def heat_map(
    rows: Rows,
    metrics: Mapping[str, str],
    *,
    title: str,
    arms: Sequence[str] | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Figure:
    """`metrics` maps the name of a number to what its column is called.

    Rows are `arms`, or all that have one of the numbers. Colours go from `low` to `high`; where an
    arm has no such number there is none.
    """
    shown = [arm for arm in arms or rows.arms if any(rows.values(arm, m) for m in metrics)]
    table = [
        [fmean(values) if (values := rows.values(arm, m)) else math.nan for m in metrics]
        for arm in shown
    ]
    figure, axes = blank(title, inches=(2.4 + 1.3 * len(metrics), 1.4 + 0.36 * len(shown)))
    axes.imshow(table, cmap="viridis", vmin=low, vmax=high, aspect="auto")
    axes.set_xticks(range(len(metrics)), labels=list(metrics.values()))
    axes.set_yticks(range(len(shown)), labels=shown)
    for row, line in enumerate(table):
        for column, value in enumerate(line):
            if math.isnan(value):
                continue
            light = value < (low + high) / 2
            text = f"{value:.2f}"
            colour = "white" if light else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    return figure
