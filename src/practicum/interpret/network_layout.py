"""The picture of a dense network: circles shaded by activation, edges coloured by sign.

Blue is positive and orange negative, wide is strong; a pointer that rests on a circle or an edge is
told its number. The digit that is read stands at the left, the brightest output has a ring.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.interpret.network_picture import Column, NetworkPicture
from practicum.interpret.shapes import Circle, Drawing, Line, Shape, Square, Text, paint

POSITIVE, NEGATIVE, GROUND, INK = "#56B4E9", "#D55E00", "#111111", "#eeeeee"
CHOSEN = "#E69F00"
GAP, STEP, RADIUS, MARGIN = 150.0, 24.0, 8.0, 30.0  # pixels


def laid_out(picture: NetworkPicture) -> Drawing:
    """The picture as shapes."""
    tallest = max(
        len(column.units) + (len(column.units) < column.total) for column in picture.columns
    )
    height = max(2 * MARGIN + STEP * tallest + STEP, 240.0)
    left = MARGIN + (130.0 if picture.image else 0.0)
    places = [_heights(column, height) for column in picture.columns]  # unit to y, and the gap's y
    xs = [left + GAP * number for number in range(len(picture.columns))]
    width = xs[-1] + MARGIN + 40.0
    shapes = [
        *_image(picture.image, height),
        *_edges(picture, xs, places),
        *(
            shape
            for x, column, ys in zip(xs, picture.columns, places, strict=True)
            for shape in _column(x, column, ys)
        ),
        *_labels(picture, xs[-1], places[-1]),
        Text(x=width / 2, y=14.0, text=picture.title, size=13.0, colour=INK),
    ]
    return Drawing(
        width=width, height=height, ground=GROUND, shapes=tuple(shapes), title=picture.title
    )


def figure(pictures: Sequence[NetworkPicture], columns: int = 2) -> Figure:
    """Several pictures on one sheet."""
    drawings = [laid_out(picture) for picture in pictures]
    columns = min(columns, len(drawings))
    lines = -(-len(drawings) // columns)
    widest = max(d.width for d in drawings) / 100
    highest = max(d.height for d in drawings) / 100
    sheet = Figure(figsize=(widest * columns, highest * lines))
    FigureCanvasAgg(sheet)
    sheet.subplots_adjust(left=0, right=1, bottom=0, top=1, wspace=0.01, hspace=0.01)
    for axes, drawing in zip(
        sheet.subplots(lines, columns, squeeze=False).flat, drawings, strict=False
    ):
        paint(drawing, axes)
    for axes in sheet.axes[len(drawings) :]:
        axes.axis("off")
    return sheet


def _heights(column: Column, height: float) -> dict[int, float]:
    top = height / 2 - STEP * (len(column.units) - 1) / 2 + 8
    return {unit: top + STEP * place for place, unit in enumerate(column.units)}


def _image(rows: tuple[tuple[float, ...], ...], height: float) -> list[Shape]:
    if not rows:
        return []
    pixel = 96.0 / len(rows)
    return [
        Square(
            x=MARGIN / 2 + pixel * j, y=height / 2 - 40 + pixel * i, side=pixel, fill=_grey(value)
        )
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
    ]


def _edges(
    picture: NetworkPicture, xs: Sequence[float], places: Sequence[dict[int, float]]
) -> list[Shape]:
    shapes: list[Shape] = []
    for column in range(len(xs) - 1):
        here = [edge for edge in picture.edges if edge.column == column]
        most = max((abs(edge.strength) for edge in here), default=1.0)
        for edge in reversed(here):  # the strongest on top
            share = abs(edge.strength) / most
            shapes.append(
                Line(
                    x1=xs[column],
                    y1=places[column][edge.start],
                    x2=xs[column + 1],
                    y2=places[column + 1][edge.end],
                    colour=POSITIVE if edge.strength > 0 else NEGATIVE,
                    width=0.4 + 2.4 * share,
                    opacity=0.25 + 0.7 * share,
                    hint=f"{edge.start} → {edge.end}: {edge.strength:.3g}",
                )
            )
    return shapes


def _column(x: float, column: Column, ys: dict[int, float]) -> list[Shape]:
    most = max(1.0, *(abs(value) for value in column.values))
    shapes: list[Shape] = [
        Circle(
            x=x,
            y=ys[unit],
            radius=RADIUS,
            fill=_grey(abs(value) / most),
            outline=CHOSEN if unit == column.chosen else INK,
            hint=f"neuron {unit}: {value:.3g}",
        )
        for unit, value in zip(column.units, column.values, strict=True)
    ]
    if len(column.units) < column.total:
        text = f"{len(column.units)} of {column.total}"
        shapes.append(Text(x=x, y=max(ys.values()) + STEP, text=text, size=10.0, colour=INK))
    return shapes


def _labels(picture: NetworkPicture, x: float, ys: dict[int, float]) -> list[Shape]:
    last = picture.columns[-1]
    return [
        Text(
            x=x + 26.0,
            y=ys[unit],
            text=picture.labels[unit],
            size=13.0,
            colour=CHOSEN if unit == last.chosen else INK,
        )
        for unit in last.units
        if picture.labels
    ]


def _grey(value: float) -> str:
    level = round(255 * float(np.clip(value, 0.0, 1.0)))
    return f"#{level:02x}{level:02x}{level:02x}"
