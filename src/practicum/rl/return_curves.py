"""Curves of returns whose seeds can be averaged: read off at common steps.

An episode ends when it ends, so each seed has points of its own; a mean and a band need the same
steps in all of them. Between two points a curve is a straight line; it is not drawn on beyond them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from practicum.lab.rows import Curve, Rows

POINTS = 60


def at_common_steps(
    rows: Rows, arms: Sequence[str], *, name: str = "return", points: int = POINTS
) -> Rows:
    """The rows of `arms` alone, all curves of `name` in an arm at the same `points` steps."""
    grids = {arm: _grid(rows.curves(arm, name), points) for arm in arms}
    runs = []
    for run in rows.runs:
        if run.arm in grids and name in run.curves and len(grids[run.arm]):
            curve = _read_off(run.curves[name], grids[run.arm])
            run = replace(run, curves={**run.curves, name: curve})
        runs.append(run)
    return replace(rows, arms=tuple(arms), runs=tuple(runs))


def _grid(curves: list[Curve], points: int) -> np.ndarray:
    """Whole steps, evenly apart, that lie within every curve; none where no step does."""
    if not curves or not all(curves):
        return np.zeros(0, np.int64)
    first, last = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    if last < first:
        return np.zeros(0, np.int64)
    return np.unique(np.linspace(first, last, points).round().astype(np.int64))


def _read_off(curve: Curve, steps: np.ndarray) -> Curve:
    known, values = zip(*curve, strict=True)
    read = np.interp(steps, known, values)
    return tuple(zip(steps.tolist(), read.tolist(), strict=True))
