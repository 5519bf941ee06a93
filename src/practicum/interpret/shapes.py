"""A drawing as a list of shapes, written as SVG or drawn by matplotlib: one layout, two pens.

Places are in pixels from the top left corner. The SVG needs nothing beside it: no script, no style
sheet, no font of its own.
"""

from dataclasses import dataclass
from html import escape

from matplotlib.axes import Axes
from matplotlib.patches import Circle as CirclePatch
from matplotlib.patches import Rectangle


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A filled circle with a thin outline."""

    x: float
    y: float
    radius: float
    fill: str
    outline: str
    hint: str = ""  # what a pointer that rests on it is told


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    width: float
    opacity: float
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Square:
    """A filled square, its top left corner at (x, y)."""

    x: float
    y: float
    side: float
    fill: str


@dataclass(frozen=True, kw_only=True)
class Text:
    """A line of text, centred at (x, y)."""

    x: float
    y: float
    text: str
    size: float
    colour: str


Shape = Circle | Line | Square | Text


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Shapes on a ground, the later ones over the earlier."""

    width: float
    height: float
    ground: str
    shapes: tuple[Shape, ...]
    title: str


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    width, height = f"{drawing.width:g}", f"{drawing.height:g}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif">',
        f"<title>{escape(drawing.title)}</title>",
        f'<rect width="{width}" height="{height}" fill="{drawing.ground}"/>',
        *map(_element, drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def paint(drawing: Drawing, axes: Axes) -> None:
    """Draw on `axes`, which get the drawing's ground and shape."""
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.add_patch(Rectangle((0, 0), drawing.width, drawing.height, color=drawing.ground, zorder=0))
    inches = axes.get_position().width * axes.get_figure().get_figwidth()  # type: ignore[union-attr]
    point = 72 * inches / drawing.width  # one pixel of the drawing
    for order, shape in enumerate(drawing.shapes, 1):
        _put(shape, axes, order, point)


def _element(shape: Shape) -> str:
    match shape:
        case Circle():
            return (
                f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" '
                f'fill="{shape.fill}" stroke="{shape.outline}">{_hint(shape.hint)}</circle>'
            )
        case Line():
            return (
                f'<line x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" '
                f'y2="{shape.y2:.1f}" stroke="{shape.colour}" stroke-width="{shape.width:.2f}" '
                f'stroke-opacity="{shape.opacity:.2f}">{_hint(shape.hint)}</line>'
            )
        case Square():
            return (
                f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.side:g}" '
                f'height="{shape.side:g}" fill="{shape.fill}"/>'
            )
        case Text():
            return (
                f'<text x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size:g}" '
                f'fill="{shape.colour}" text-anchor="middle" dominant-baseline="central">'
                f"{escape(shape.text)}</text>"
            )


def _hint(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def _put(shape: Shape, axes: Axes, order: int, point: float) -> None:
    match shape:
        case Circle(x=x, y=y, radius=radius, fill=fill, outline=outline):
            axes.add_patch(
                CirclePatch(
                    (x, y), radius, facecolor=fill, edgecolor=outline, linewidth=point, zorder=order
                )
            )
        case Line():
            axes.plot(
                (shape.x1, shape.x2),
                (shape.y1, shape.y2),
                color=shape.colour,
                linewidth=shape.width * point,
                alpha=shape.opacity,
                solid_capstyle="round",
                zorder=order,
            )
        case Square(x=x, y=y, side=side, fill=fill):
            axes.add_patch(Rectangle((x, y), side, side, color=fill, linewidth=0, zorder=order))
        case Text():
            axes.text(
                shape.x,
                shape.y,
                shape.text,
                fontsize=shape.size * point,
                color=shape.colour,
                ha="center",
                va="center",
                parse_math=False,
                zorder=order,
            )
