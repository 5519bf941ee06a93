"""The tree of a 1-1-1-1 network, every number on a line of its own (3Blue1Brown 2017).

A nudge of one knob moves its z, that moves a, that the next z, and so up to the cost: each by its
slope times the nudge below it. `tree` gives the numbers before and after, exact and not to first
order, and `drawn` the picture (SVG), which a slider can redraw.
"""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from practicum.autograd.costs import SummedSquares
from practicum.autograd.layers import Layered, Vector
from practicum.autograd.paths import symbol
from practicum.errors import ConfigError

One = Float[np.ndarray, " 1"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A number of the tree, before and after the nudge."""

    symbol: str
    before: float
    after: float
    slope: float  # ∂(the number it leads into)/∂(this one), before the nudge; 1 for the cost
    into: int | None  # the place in the tree of the number it leads into; None for the cost

    @property
    def moved(self) -> float:
        return self.after - self.before


def tree(network: Layered, vector: Vector, x: One, y: One, *, knob: int, by: float) -> list[Line]:
    """The cost first, then its parts downwards; `knob` is the parameter's place in the vector.

    Raises ConfigError for a layer of more than one neuron, whose picture is no tree.
    """
    if max(network.widths) > 1 or not isinstance(network.cost, SummedSquares):
        shape, cost = "-".join(map(str, network.widths)), type(network.cost).__name__
        raise ConfigError(
            f"number lines need a network of 1-1-…-1 and the cost (a − y)²; got {shape}, {cost}"
        )
    nudged = vector.copy()
    nudged[knob] += by
    before, after = (_numbers(network, each, x, y) for each in (vector, nudged))
    trace, (weights, _) = network.trace(vector, x), network.split(vector)
    error, last = float(network.cost.slope(trace.a[-1], y)[0]), len(network.activations)
    parts: list[tuple[str, float, int | None]] = [("C_0", 1.0, None), ("y", -error, 0)]
    into, slope = 0, error  # of the next a
    for layer in range(last, 0, -1):
        z, a = trace.z[layer - 1], trace.a[layer]
        follows = float(network.activations[layer - 1].slope(z, a)[0])
        parts += [(symbol(network, "a", layer, 0), slope, into)]
        parts += [(symbol(network, "z", layer, 0), follows, len(parts) - 1)]
        into, slope = len(parts) - 1, float(weights[layer - 1][0, 0])
        parts += [(symbol(network, "w", layer, 0), float(trace.a[layer - 1][0]), into)]
        parts += [(symbol(network, "b", layer, 0), 1.0, into)]
    parts += [(symbol(network, "a", 0, 0), slope, into)]
    return [
        Line(symbol=name, before=before[name], after=after[name], slope=slope, into=into)
        for name, slope, into in parts
    ]


def drawn(lines: list[Line]) -> str:
    """The tree as SVG: a row per layer, blue dots before the nudge, orange ones after it.

    Beside every joint stands its slope: a nudge passes on that many times as large.
    """
    corners = _corners(lines)
    joints = [
        _joint(corners[index], corners[line.into], line)
        for index, line in enumerate(lines)
        if line.into is not None
    ]
    boxes = [_box(corner, line) for corner, line in zip(corners, lines, strict=True)]
    width, height = 2 * WIDE + LONG + 40, max(y for _, y in corners) + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" '
        f'width="{width}" height="{height:g}" font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(joints + boxes)}</svg>'
    )


WIDE, HIGH, LONG = 260, 120, 160  # from column to column, row to row, and along a number line
BEFORE, AFTER, GREY = "#0072B2", "#D55E00", "#777777"


def _corners(lines: list[Line]) -> list[tuple[float, float]]:
    """The cost and y above; then a, z and w of each layer in a row, b below w."""
    columns = {"C": 0, "y": 1, "a": 0, "z": 1, "w": 2, "b": 2}
    corners, row = [], 0
    for line in lines:
        kind = line.symbol[0]
        row += kind == "a"
        lower = 0.5 if kind == "b" else 0.0
        corners.append((20.0 + columns[kind] * WIDE, 20.0 + (row + lower) * HIGH))
    return corners


def _joint(start: tuple[float, float], end: tuple[float, float], line: Line) -> str:
    """From the left edge of a part to the right edge of what it leads into, or from below."""
    (x, y), (into_x, into_y) = start, end
    upwards = x <= into_x
    x, y = (x + 40, y - 2) if upwards else (x - 8, y + 24)
    into_x, into_y = (into_x + 40, into_y + 46) if upwards else (into_x + LONG + 10, into_y + 24)
    colour = AFTER if line.moved else "#BBBBBB"
    return (
        f'<line x1="{x:g}" y1="{y:g}" x2="{into_x:g}" y2="{into_y:g}" stroke="{colour}"/>'
        f'<text x="{(x + into_x) / 2 + 4:g}" y="{(y + into_y) / 2 - 4:g}" fill="{colour}">'
        f"× {line.slope:.3g}</text>"
    )


def _box(corner: tuple[float, float], line: Line) -> str:
    """The name and the number, and below them its line with a dot, or two."""
    x, y = corner
    unit = line.symbol[0] in "ay" and 0 <= min(line.before, line.after) <= 1
    low, high = (0.0, 1.0) if unit else (round(line.before) - 1.0, round(line.before) + 1.0)
    low, high = min(low, line.before, line.after), max(high, line.before, line.after)
    name = re.sub(r"[_^{}]", "", line.symbol)
    moved = f" → {line.after:.4f}" if line.moved else ""
    dots = [(line.before, BEFORE), (line.after, AFTER)] if line.moved else [(line.before, BEFORE)]
    return (
        f'<text x="{x:g}" y="{y + 12:g}">{name} = {line.before:.4f}{moved}</text>'
        f'<path d="M{x:g} {y + 26:g}h{LONG}" stroke="{GREY}"/>'
        f'<text x="{x:g}" y="{y + 41:g}" fill="{GREY}">{low:g}</text>'
        f'<text x="{x + LONG:g}" y="{y + 41:g}" fill="{GREY}" text-anchor="end">{high:g}</text>'
        + "".join(
            f'<circle cx="{x + LONG * (value - low) / (high - low):.2f}" cy="{y + 26:g}" r="4" '
            f'fill="{colour}"/>'
            for value, colour in dots
        )
    )


def _numbers(network: Layered, vector: Vector, x: One, y: One) -> dict[str, float]:
    """Every number of the network by its symbol."""
    trace, (weights, biases) = network.trace(vector, x), network.split(vector)
    cost = network.mean_cost(vector, x[None], y[None])
    found = {"C_0": cost.real, "y": float(y[0])}
    for layer, a in enumerate(trace.a):
        found[symbol(network, "a", layer, 0)] = float(a[0])
    for layer in range(1, len(trace.a)):
        found[symbol(network, "z", layer, 0)] = float(trace.z[layer - 1][0])
        found[symbol(network, "w", layer, 0)] = float(weights[layer - 1][0, 0])
        found[symbol(network, "b", layer, 0)] = float(biases[layer - 1][0])
    return found
