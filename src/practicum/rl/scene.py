"""A picture as a list of shapes, written as SVG or as pixels.

Coordinates are in pixels from the top left corner. Colours are hexadecimal ("#0072B2"). Nothing
here needs a display, a font file or a drawing program.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FINER = 2  # pixels are drawn so many times as fine and averaged, which smooths the edges
WIDEST = 1240  # pixels of a row of scenes
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Polygon:
    """A filled shape with the given corners."""

    corners: tuple[Point, ...]
    fill: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """Straight pieces from point to point."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Disc:
    """A filled circle."""

    centre: Point
    radius: float
    fill: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text; `at` is its middle in height, and its left, middle or right in width."""

    at: Point
    text: str
    size: float = 12.0
    colour: str = "#333333"
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Pixels (height, width, 3) shown at their own size with the top left corner `at`."""

    pixels: np.ndarray
    at: Point = (0.0, 0.0)


Shape = Polygon | Line | Disc | Text | Photo


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Shapes from back to front on a ground of one colour."""

    width: int
    height: int
    shapes: tuple[Shape, ...]
    ground: str = "#FFFFFF"


def rectangle(left: float, top: float, width: float, height: float, fill: str) -> Polygon:
    """The rectangle with this corner and these sides."""
    right, bottom = left + width, top + height
    return Polygon(corners=((left, top), (right, top), (right, bottom), (left, bottom)), fill=fill)


def moved(shape: Shape, right: float, down: float) -> Shape:
    """The same shape elsewhere."""

    def shift(point: Point) -> Point:
        return (point[0] + right, point[1] + down)

    match shape:
        case Polygon():
            return replace(shape, corners=tuple(map(shift, shape.corners)))
        case Line():
            return replace(shape, points=tuple(map(shift, shape.points)))
        case Disc():
            return replace(shape, centre=shift(shape.centre))
        case Text() | Photo():
            return replace(shape, at=shift(shape.at))


def beside(scenes: Sequence[Scene], gap: int = 8, *, widest: int = WIDEST) -> Scene:
    """The scenes in reading order: in a row, and in further rows where one would be too wide."""
    shapes: list[Shape] = []
    left = top = high = wide = 0
    for scene in scenes:
        if left and left + scene.width > widest:
            left, top, high = 0, top + high + gap, 0
        shapes.append(rectangle(left, top, scene.width, scene.height, scene.ground))
        shapes += [moved(shape, left, top) for shape in scene.shapes]
        left, high = left + scene.width + gap, max(high, scene.height)
        wide = max(wide, left - gap)
    return Scene(width=wide, height=top + high, shapes=tuple(shapes))


def to_svg(scene: Scene) -> str:
    """The scene as an SVG document."""
    size = f'width="{scene.width}" height="{scene.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {scene.width} {scene.height}" font-family="sans-serif">',
        f'<rect {size} fill="{scene.ground}"/>',
        *map(_element, scene.shapes),
        "</svg>\n",
    ]
    return "\n".join(lines)


def _element(shape: Shape) -> str:
    match shape:
        case Polygon():
            return f'<polygon points="{_points(shape.corners)}" fill="{shape.fill}"/>'
        case Line():
            style = f'stroke="{shape.colour}" stroke-width="{shape.width:g}"'
            return f'<polyline points="{_points(shape.points)}" fill="none" {style}/>'
        case Disc():
            x, y = shape.centre
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}" fill="{shape.fill}"/>'
        case Text():
            place = f'x="{shape.at[0]:.1f}" y="{shape.at[1]:.1f}" font-size="{shape.size:g}"'
            style = f'fill="{shape.colour}" text-anchor="{shape.anchor}"'
            return f'<text {place} {style} dy="0.35em">{escape(shape.text)}</text>'
        case Photo():
            file = io.BytesIO()
            Image.fromarray(shape.pixels).save(file, format="PNG")
            data = base64.b64encode(file.getvalue()).decode("ascii")
            height, width = shape.pixels.shape[:2]
            place = f'x="{shape.at[0]:.1f}" y="{shape.at[1]:.1f}"'
            size = f'width="{width}" height="{height}"'
            return f'<image {place} {size} href="data:image/png;base64,{data}"/>'


def _points(points: tuple[Point, ...]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def to_image(scene: Scene) -> Image.Image:
    """The scene as pixels, `scene.height` by `scene.width`."""
    size = (scene.width * FINER, scene.height * FINER)
    image = Image.new("RGB", size, scene.ground)
    draw = ImageDraw.Draw(image)
    for shape in scene.shapes:
        _paint(image, draw, shape)
    return image.resize((scene.width, scene.height), Image.Resampling.BOX)


def _paint(image: Image.Image, draw: ImageDraw.ImageDraw, shape: Shape) -> None:
    match shape:
        case Polygon():
            draw.polygon([_finer(point) for point in shape.corners], fill=shape.fill)
        case Line():
            width = max(1, round(shape.width * FINER))
            points = [_finer(point) for point in shape.points]
            draw.line(points, fill=shape.colour, width=width, joint="curve")
        case Disc():
            x, y = _finer(shape.centre)
            radius = shape.radius * FINER
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=shape.fill)
        case Text():
            font = ImageFont.load_default(shape.size * FINER)
            anchor = {"start": "lm", "middle": "mm", "end": "rm"}[shape.anchor]
            draw.text(_finer(shape.at), shape.text, fill=shape.colour, font=font, anchor=anchor)
        case Photo():
            height, width = shape.pixels.shape[:2]
            photo = Image.fromarray(shape.pixels).resize((width * FINER, height * FINER))
            left, top = _finer(shape.at)
            image.paste(photo, (round(left), round(top)))


def _finer(point: Point) -> Point:
    return (point[0] * FINER, point[1] * FINER)
