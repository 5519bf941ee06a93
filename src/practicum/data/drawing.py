"""A drawing made with a mouse, as a picture like those of a training set.

A network that learned pictures of one kind fails on others: MNIST's digits lie in a box of 20 × 20
with their weight in the middle of 28 × 28, scikit-learn's fill the height of 8 × 8. So `framing`
measures where and how large the ink of a training set lies, and `framed` puts the ink of a drawing
there: the same size, the same middle, then every pixel the mean of the area it covers. Ink is
bright on a dark ground, as in the training sets; nothing is sharpened, thickened or turned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from practicum.data.images import Images
from practicum.errors import DataError

INK = 0.1  # of a pixel's brightness; less is a smudge
Drawing = Float32[np.ndarray, "height width"] | Float64[np.ndarray, "height width"]
Stroke = Sequence[tuple[float, float]] | Float64[np.ndarray, "_ 2"]  # (right, down)


@dataclass(frozen=True, kw_only=True)
class Framing:
    """Where the ink of a training set lies, in pixels of its pictures."""

    side: int
    size: float  # the longer side of the ink's box, as most pictures have it
    middle: Literal["mass", "box"]  # what the set keeps in one place: the ink's weight or box
    down: float  # where that middle lies, from the top edge
    right: float  # and from the left edge
    pen: float  # how thick a stroke is: a pen of this size draws ink like the set's


def framing(pictures: Images) -> Framing:
    """How the ink lies in `pictures`; those without any are left out. DataError if none has any."""
    found = [
        _Ink(picture)
        for picture in pictures.pixels.reshape(-1, pictures.side, pictures.side)
        if picture.max() > INK
    ]
    if not found:
        raise DataError("the pictures hold no ink; expected bright strokes on a dark ground")
    places = {"mass": np.array([ink.mass for ink in found])}
    places["box"] = np.array([ink.box_middle for ink in found])
    spread = {kind: float(place.var(axis=0).sum()) for kind, place in places.items()}
    middle: Literal["mass", "box"] = "mass" if spread["mass"] < spread["box"] else "box"
    down, right = np.median(places[middle], axis=0).tolist()
    return Framing(
        side=pictures.side,
        size=float(np.median([ink.size for ink in found])),
        middle=middle,
        down=down,
        right=right,
        pen=float(np.median([ink.pen for ink in found])),
    )


def framed(drawing: Drawing, like: Framing) -> Float32[np.ndarray, " i"]:
    """The drawing as one row of pixels, its ink as large and as placed as in the training set.

    Raises DataError for an empty drawing, dark ink on a bright ground, or values beyond 0 … 1.
    """
    if not (np.isfinite(drawing).all() and drawing.min() >= 0 and drawing.max() <= 1):
        raise DataError("the drawing has grey values outside 0 … 1; divide 0 … 255 by 255")
    edge = np.concatenate([drawing[0], drawing[-1], drawing[:, 0], drawing[:, -1]])
    if np.median(edge) > 0.5:
        raise DataError("the drawing is dark ink on a bright ground; give 1 − its grey values")
    if drawing.max() <= INK:
        raise DataError("the drawing is empty; draw something")
    ink = _Ink(drawing)
    scale = ink.size / like.size  # drawn pixels to one of the picture
    middle = ink.mass if like.middle == "mass" else ink.box_middle
    top, left = middle[0] - like.down * scale, middle[1] - like.right * scale
    down = _covering(len(drawing), like.side, top, scale)
    right = _covering(drawing.shape[1], like.side, left, scale)
    return (down @ drawing @ right.T).astype(np.float32).reshape(-1)


def sketched(strokes: Sequence[Stroke], like: Framing) -> Float32[np.ndarray, " i"]:
    """Strokes as one row of pixels, framed, and drawn with the pen that suits the set.

    Points may be in any units: however large somebody draws, the strokes come out as thick as the
    set's. Raises DataError for a sketch without points.
    """
    found = [np.asarray(stroke, dtype=float) for stroke in strokes if len(stroke)]
    if not found:
        raise DataError("the drawing is empty; draw something")
    points = np.concatenate(found)
    if not np.isfinite(points).all():
        raise DataError("the drawing has points that are no numbers; expected (right, down) pairs")
    corner, extent = points.min(axis=0), float(np.ptp(points, axis=0).max()) or 1.0
    pen = like.pen / (like.size - like.pen)  # beside strokes of extent 1; the ink has 1 + pen
    unit = [((stroke - corner) / extent + pen / 2) / (1 + pen) for stroke in found]
    side = 16 * like.side  # fine enough for grey edges
    return framed(drawn(unit, pen=side * pen / (1 + pen), side=side), like)


def drawn(strokes: Sequence[Stroke], *, pen: float, side: int) -> Float64[np.ndarray, "side side"]:
    """Strokes of a round pen, `pen` pixels thick, on a sheet of `side` pixels; edges are grey.

    Points run from 0 to 1 over the sheet. A stroke of one point is a dot.
    """
    down, right = np.mgrid[:side, :side] + 0.5
    ink = np.zeros((side, side))
    for stroke in strokes:
        points = side * np.asarray(stroke, dtype=float)
        for start, end in zip(points, [*points[1:], points[-1]], strict=True):
            way = end - start
            along = (right - start[0]) * way[0] + (down - start[1]) * way[1]
            share = np.clip(along / max(float(way @ way), 1e-12), 0.0, 1.0)
            gap = np.hypot(right - start[0] - share * way[0], down - start[1] - share * way[1])
            ink = np.maximum(ink, np.clip(pen / 2 - gap + 0.5, 0.0, 1.0))
    return ink


class _Ink:
    """Where the ink of one picture lies; places are measured from the top left corner."""

    def __init__(self, picture: Drawing) -> None:
        inked = picture > INK
        rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        self.size = float(max(bottom - top, right - left))
        self.box_middle = ((top + bottom) / 2, (left + right) / 2)
        total = picture.sum(dtype=float)
        down, along = np.arange(len(picture)) + 0.5, np.arange(picture.shape[1]) + 0.5
        self.mass = (
            float(picture.sum(axis=1, dtype=float) @ down / total),
            float(picture.sum(axis=0, dtype=float) @ along / total),
        )
        self.pen = _pen(picture)


def _pen(picture: Drawing) -> float:
    """The width of a long stroke from its area and outline: area/length, length = outline/2."""
    dark = np.pad(picture.astype(float), 1)
    down, right = np.diff(dark, axis=0)[:, :-1], np.diff(dark, axis=1)[:-1]
    return float(2 * picture.sum(dtype=float) / np.hypot(down, right).sum())


def _covering(
    drawn: int, side: int, start: float, scale: float
) -> Float64[np.ndarray, "side drawn"]:
    """What share of each pixel of the picture each drawn pixel covers, along one axis."""
    edges = start + scale * np.arange(side + 1)
    near, far = edges[:-1, None], edges[1:, None]
    pixels = np.arange(drawn)[None]
    return np.clip(np.minimum(far, pixels + 1) - np.maximum(near, pixels), 0.0, None) / scale
