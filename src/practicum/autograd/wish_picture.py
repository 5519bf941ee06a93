"""What examples ask of a network, as two pictures (SVG, 3Blue1Brown 2017, chapter 3).

`wish_picture`: one image, the columns of neurons shaded by their activation, an arrow on each for
its wish (blue up, orange down, its length relative to the largest of the layer), and the weights
that are nudged most. `nudge_strips`: a row per example and a block per layer's weights and biases,
with the mean of all rows at the bottom: the step that is taken.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from practicum.autograd.layers import Layered, Vector
from practicum.autograd.nudges import Wishes, wishes

UP, DOWN = "#0072B2", "#D55E00"
TOP, TALL, WIDE = 40, 460, 190  # where columns begin, how tall they are, and how far apart
SIDE = 130  # of the image


def wish_picture(
    network: Layered,
    vector: Vector,
    x: Float[np.ndarray, " i"],
    y: Float[np.ndarray, " o"],
    edges: int = 40,
) -> str:
    """The network with the wishes of one square image; `edges` weights are drawn per layer."""
    activations, asked = network.trace(vector, x).a[1:], wishes(network, vector, x, y)
    parts = [_image(x), *(_edges(layer, asked[layer], edges) for layer in range(1, len(asked)))]
    for layer, (a, asks) in enumerate(zip(activations, asked, strict=True)):
        parts += [_neuron(_at(layer, j, len(a)), a[j], asks, j) for j in range(len(a))]
    last = len(activations) - 1
    for j, wanted in enumerate(y):
        across, down = _at(last, j, len(y))
        parts.append(_text(across + 44, down + 4, f"{j}: {activations[-1][j]:.2f} → {wanted:g}"))
    return _svg(_at(last, 0, 1)[0] + 150, TOP + TALL + 20, parts)


def nudge_strips(
    network: Layered, nudges: Float[np.ndarray, "n p"], names: Sequence[str], most: int = 60
) -> str:
    """Rows of coloured cells, at most `most` parameters of a block, evenly chosen, and the mean.

    Blue is up, orange down; each block has a colour scale of its own. All rows count in the mean,
    and those that have a name are shown.
    """
    shown = np.concatenate([nudges[: len(names)], nudges.mean(0, keepdims=True)])
    parts, left = [], 70
    kinds = [network.place(index) for index in range(network.size)]
    for layer in range(1, len(network.widths)):
        for kind in ("w", "b"):
            block = [
                i for i, place in enumerate(kinds) if (place.kind, place.layer) == (kind, layer)
            ]
            columns = block[:: math.ceil(len(block) / most)]
            parts.append(_text(left, 20, f"{kind}({layer})"))
            parts += _cells(left, shown[:, columns])
            left += 5 * len(columns) + 16
    for row, name in enumerate([*names, "mean"]):
        parts.append(_text(10, _row(row, len(names)) + 15, name))
    return _svg(left, _row(len(names), len(names)) + 40, parts)


def _row(row: int, mean: int) -> int:
    """Where a row begins; the mean stands apart."""
    return 30 + 24 * row + (12 if row == mean else 0)


def _cells(left: int, values: Float[np.ndarray, "n c"]) -> list[str]:
    scale = float(np.abs(values).max()) or 1.0
    return [
        f'<rect x="{left + 5 * column}" y="{_row(row, len(values) - 1)}" width="5" height="20" '
        f'fill="{UP if value > 0 else DOWN}" fill-opacity="{min(1.0, abs(value) / scale):.3f}"/>'
        for (row, column), value in np.ndenumerate(values)
    ]


def _at(layer: int, j: int, count: int) -> tuple[float, float]:
    """The centre of a neuron; layer 0 is the first after the input."""
    return 40 + SIDE + 70 + WIDE * layer, TOP + TALL * (j + 0.5) / count


def _image(x: Float[np.ndarray, " i"]) -> str:
    side = math.isqrt(len(x))
    size = SIDE / side
    top = TOP + (TALL - SIDE) / 2
    return "".join(
        f'<rect x="{20 + size * (place % side):.2f}" y="{top + size * (place // side):.2f}" '
        f'width="{size:.2f}" height="{size:.2f}" fill="{_grey(value)}"/>'
        for place, value in enumerate(x)
    )


def _edges(layer: int, asks: Wishes, most: int) -> str:
    """The weights into a layer that its example nudges most, thick where much."""
    size = np.abs(asks.weight)
    chosen = np.argsort(-size, axis=None, kind="stable")[:most]
    lines = []
    for place in chosen:
        j, k = divmod(int(place), asks.weight.shape[1])
        (x1, y1), (x2, y2) = _at(layer - 1, k, size.shape[1]), _at(layer, j, size.shape[0])
        share = size[j, k] / (size.max() or 1.0)
        lines.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{UP if asks.weight[j, k] > 0 else DOWN}" stroke-width="{3 * share:.2f}" '
            f'stroke-opacity="{0.15 + 0.6 * share:.2f}"/>'
        )
    return "".join(lines)


def _neuron(centre: tuple[float, float], a: float, asks: Wishes, j: int) -> str:
    """A circle as bright as its activation, and its wish as an arrow beside it."""
    (x, y), wish = centre, float(asks.wish[j])
    length = 14 * wish / (float(np.abs(asks.wish).max()) or 1.0)
    colour = UP if wish > 0 else DOWN
    tip = y - length
    head = math.copysign(min(4.0, abs(length)), length)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{_grey(a)}" stroke="#777777"/>'
        f'<path d="M{x + 20:.1f} {y + length:.1f}V{tip:.1f}m-4 {head:.1f}l4 {-head:.1f}'
        f'l4 {head:.1f}" stroke="{colour}" stroke-width="2" fill="none"/>'
    )


def _grey(value: float) -> str:
    level = round(255 * min(1.0, max(0.0, float(value))))
    return f"#{level:02x}{level:02x}{level:02x}"


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{text}</text>'


def _svg(width: float, height: float, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )
