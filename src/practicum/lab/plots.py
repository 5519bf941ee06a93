"""Pictures of stored rows: curves, a metric against another, bars, claims (matplotlib).

Figures are objects of their own; nothing touches pyplot's global state. Colours are those of Okabe
and Ito (2008), told apart by all common kinds of colour vision. Bands and whiskers are Student
intervals over the seeds; with one seed there are none.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.lab.intervals import t_interval
from practicum.lab.rows import Curve, Rows
from practicum.lab.verdict import Finding, Verdict

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")
STATE_COLOURS = {"holds": "#009E73", "fails": "#D55E00", "open": "#E69F00", "invalid": "#777777"}


def curves(
    rows: Rows,
    names: str | Sequence[str],
    *,
    title: str,
    y: str,
    x: str = "step",
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """The mean curve of every arm with its interval; several `names` differ by their dashes."""
    names = (names,) if isinstance(names, str) else tuple(names)
    figure, axes = _ruled(title, x, y)
    for index, arm in enumerate(rows.arms):
        for dash, name in enumerate(names):
            label = arm if len(names) == 1 else f"{arm} · {name}"
            lines = rows.curves(arm, name)
            _draw_curve(axes, lines, COLOURS[index % len(COLOURS)], _dash(index, dash), label)
    _finish(axes, log_x=log_x, log_y=log_y)
    return figure


def against(
    rows: Rows,
    metrics: str | Sequence[str],
    x: str,
    *,
    title: str,
    x_label: str,
    y_label: str,
    controls: Sequence[str] = (),
    log_x: bool = False,
) -> Figure:
    """Metrics of the arms against their metric `x`, the `controls` as dashed lines across.

    Of several metrics the first is the main one: it alone has intervals and the controls' lines.
    """
    metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    figure, axes = _ruled(title, x_label, y_label)
    arms = [arm for arm in rows.arms if arm not in controls and rows.values(arm, x)]
    arms.sort(key=lambda arm: fmean(rows.values(arm, x)))
    for index, metric in enumerate(metrics):
        shown = [arm for arm in arms if rows.values(arm, metric)]
        if not shown:
            continue
        axes.errorbar(
            [fmean(rows.values(arm, x)) for arm in shown],
            [fmean(rows.values(arm, metric)) for arm in shown],
            yerr=None if index else _bars([rows.values(arm, metric) for arm in shown]),
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            linewidth=1.0 if index else 2.2,
            alpha=0.7 if index else 1.0,
            capsize=3,
            label=metric if len(metrics) > 1 else None,
        )
    for main in metrics[:1]:
        _across(axes, rows, controls, main)
    _finish(axes, log_x=log_x)
    return figure


def bars(rows: Rows, metrics: str | Sequence[str], *, title: str, y: str) -> Figure:
    """A group of bars per arm, one bar per metric, with intervals and a dot for every seed."""
    metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    figure, axes = _ruled(title, "", y)
    width = 0.8 / len(metrics)
    for index, metric in enumerate(metrics):
        shown = [(place, rows.values(arm, metric)) for place, arm in enumerate(rows.arms)]
        shown = [(place - 0.4 + (index + 0.5) * width, values) for place, values in shown if values]
        if not shown:
            continue
        axes.bar(
            [place for place, _ in shown],
            [fmean(values) for _, values in shown],
            width=width * 0.95,
            yerr=_bars([values for _, values in shown]),
            capsize=3,
            color=COLOURS[index % len(COLOURS)],
            alpha=0.75,
            label=metric if len(metrics) > 1 else None,
        )
        for place, values in shown:
            axes.plot([place] * len(values), values, "o", color="black", markersize=3)
    axes.set_xticks(range(len(rows.arms)), labels=list(rows.arms))
    _finish(axes)
    return figure


def blank(
    title: str, x: str = "", y: str = "", *, inches: tuple[float, float] = (7, 4.5)
) -> tuple[Figure, Axes]:
    """A figure with one empty pair of axes, which draws without a display."""
    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, parse_math=False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def claims(verdict: Verdict) -> Figure:
    """Every claim in a strip of its own: seeds, interval, threshold, and its state by colour."""
    findings = verdict.claims
    figure = Figure(figsize=(7, 1.0 + 1.25 * len(findings)), layout="constrained")
    FigureCanvasAgg(figure)
    origin = verdict.origin
    figure.suptitle(f"{origin.slug} ({origin.preset}): {verdict.state}", fontsize=11)
    for row, finding in enumerate(findings):
        _strip(figure.add_subplot(len(findings), 1, row + 1), finding)
    return figure


def _strip(axes: Axes, finding: Finding) -> None:
    colour = STATE_COLOURS[finding.state]
    known = [value for value in finding.values if value is not None]
    axes.axvline(finding.bound.threshold, color="black", linestyle="--", linewidth=1)
    if finding.interval is not None:
        axes.plot(finding.interval, [0, 0], color=colour, linewidth=6, alpha=0.4)
    axes.plot(known, [0] * len(known), "o", color=colour, markersize=5)
    if finding.mean is not None:
        axes.plot([finding.mean], [0], "|", color=colour, markersize=18, markeredgewidth=2)
    axes.set_title(
        f"{finding.text} — {finding.state} (asked {finding.bound})",
        fontsize=9,
        loc="left",
        wrap=True,
        parse_math=False,
    )
    axes.set_yticks([])
    axes.margins(x=0.1, y=0.5)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "left", "right"]].set_visible(False)


def _dash(arm: int, name: int) -> str:
    """Arms beyond the last colour take the first ones again, with other dashes."""
    return DASHES[(name + arm // len(COLOURS)) % len(DASHES)]


def _draw_curve(axes: Axes, lines: list[Curve], colour: str, dash: str, label: str) -> None:
    if not lines:
        return
    tables = [dict(line) for line in lines]
    steps = sorted(set.intersection(*(set(table) for table in tables)))
    columns = [[table[step] for table in tables] for step in steps]
    style = "o" if len(steps) == 1 else None
    means = [fmean(column) for column in columns]
    axes.plot(steps, means, color=colour, linestyle=dash, marker=style, label=label)
    if len(lines) > 1:
        bands = [_band(column) for column in columns]
        low, high = [band[0] for band in bands], [band[1] for band in bands]
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)


def _band(column: list[float]) -> tuple[float, float]:
    """The interval of the seeds at one step; none where one of them has diverged."""
    known = t_interval(column) if all(map(math.isfinite, column)) else None
    return known or (math.nan, math.nan)


def _across(axes: Axes, rows: Rows, controls: Sequence[str], metric: str) -> None:
    for index, arm in enumerate(controls):
        values = rows.values(arm, metric)
        if not values:
            continue
        dash, grey = (0, (5 - index % 3, 2 + index % 3)), str(0.25 + 0.3 * (index % 2))
        label = f"{arm} (control)"
        axes.axhline(fmean(values), color=grey, linestyle=dash, linewidth=1.4, label=label)
        band = t_interval(values)
        if band is not None:
            axes.axhspan(*band, color=grey, alpha=0.12, linewidth=0)


def _bars(groups: list[list[float]]) -> tuple[list[float], list[float]] | None:
    """How far the interval reaches below and above each mean; None when no group has one."""
    bands = [t_interval(group) for group in groups]
    if not any(bands):
        return None
    half = [0.0 if band is None else (band[1] - band[0]) / 2 for band in bands]
    return half, half


def _ruled(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure, axes = blank(title, x, y)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finish(axes: Axes, *, log_x: bool = False, log_y: bool = False) -> None:
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(handles, labels, fontsize=8, frameon=False)
