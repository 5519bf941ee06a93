"""A picture as a list of shapes, written as SVG text or drawn as a matplotlib figure.

Coordinates are in pixels from the top left corner. Words may belong to a step: in a browser a click
hides all of these, and every further click shows those of the next step.
"""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from practicum.autograd.layout import Point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHARACTER = 0.62  # width of a letter of the font, relative to its size
FONT = "DejaVu Sans Mono, Menlo, Consolas, monospace"
STEPPING = """<script><![CDATA[
const picture = document.currentScript.closest("svg");
const words = [...picture.querySelectorAll("[data-step]")];
const last = Math.max(...words.map(word => +word.dataset.step));
let shown = last;
picture.addEventListener("click", () => {
  shown = shown == last ? -1 : shown + 1;
  for (const word of words)
    word.style.visibility = +word.dataset.step <= shown ? "visible" : "hidden";
});
]]></script>"""


@dataclass(frozen=True, kw_only=True)
class Words:
    """One line of text around its middle."""

    at: Point
    text: str
    size: float = 12.0
    colour: str = "#222222"
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle with round corners; a circle when it is round enough."""

    at: Point  # its middle
    width: float
    height: float
    radius: float = 3.0
    fill: str = "#ffffff"
    edge: str = "#444444"


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A smooth line through points, level at each of them."""

    points: tuple[Point, ...]
    colour: str = "#777777"
    width: float = 1.2
    arrow: bool = True


Shape = Words | Box | Wire


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """Shapes on white; later ones lie on top."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    def svg(self) -> str:
        """The text of an SVG file."""
        stepping = any(isinstance(s, Words) and s.step is not None for s in self.shapes)
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" '
                f'height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
                f'font-family="{FONT}" text-anchor="middle">',
                '<rect width="100%" height="100%" fill="#ffffff"/>',
                *map(_svg, self.shapes),
                *([STEPPING] if stepping else []),
                "</svg>\n",
            )
        )

    def figure(self) -> "Figure":
        """The same as a figure, to be saved as PNG or PDF; a pixel is 1/72 inch."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyBboxPatch, PathPatch

        figure = Figure(figsize=(self.width / 72, self.height / 72))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.axis("off")
        for z, shape in enumerate(self.shapes):
            if isinstance(shape, Words):
                style = {"color": shape.colour, "fontsize": shape.size, "family": "monospace"}
                place = {"ha": "center", "va": "center", "zorder": z, "parse_math": False}
                axes.text(*shape.at, shape.text, **style, **place)
            elif isinstance(shape, Box):
                corner = (shape.at[0] - shape.width / 2, shape.at[1] - shape.height / 2)
                rounded = f"round,pad=0,rounding_size={shape.radius}"
                style = {"facecolor": shape.fill, "edgecolor": shape.edge, "linewidth": 1}
                patch = FancyBboxPatch(corner, shape.width, shape.height, rounded, **style)
                axes.add_patch(patch).set_zorder(z)
            else:
                style = {"edgecolor": shape.colour, "linewidth": shape.width, "fill": False}
                axes.add_patch(PathPatch(_path(shape), **style)).set_zorder(z)
        return figure


def text_width(text: str, size: float = 12.0) -> float:
    """How wide `text` will be."""
    return len(text) * CHARACTER * size


def _svg(shape: Shape) -> str:
    if isinstance(shape, Words):
        step = "" if shape.step is None else f' data-step="{shape.step}"'
        place = f'x="{shape.at[0]:.1f}" y="{shape.at[1]:.1f}" dominant-baseline="central"'
        style = f'font-size="{shape.size:g}" fill="{shape.colour}"'
        return f"<text {place} {style}{step}>{escape(shape.text)}</text>"
    if isinstance(shape, Box):
        x, y = shape.at[0] - shape.width / 2, shape.at[1] - shape.height / 2
        place = f'x="{x:.1f}" y="{y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
        style = f'rx="{shape.radius:g}" fill="{shape.fill}" stroke="{shape.edge}"'
        return f"<rect {place} {style}/>"
    corners = " ".join(
        f"{letter}{x:.1f} {y:.1f}" if letter else f"{x:.1f} {y:.1f}"
        for letter, x, y in _strokes(shape)
    )
    return (
        f'<path d="{corners}" fill="none" stroke="{shape.colour}" stroke-width="{shape.width:g}"/>'
    )


def _strokes(wire: Wire) -> list[tuple[str, float, float]]:
    """SVG's letters with their points: M moves, C leads a cubic curve of three, L a line."""
    strokes = [("M", *wire.points[0])]
    for (x0, y0), (x1, y1) in pairwise(wire.points):
        middle = (x0 + x1) / 2
        strokes += [("C", middle, y0), ("", middle, y1), ("", x1, y1)]
    if wire.arrow:
        x, y = wire.points[-1]
        strokes += [("M", x - 5, y - 3), ("L", x, y), ("L", x - 5, y + 3)]
    return strokes


def _path(wire: Wire):
    from matplotlib.path import Path

    codes = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4, "": Path.CURVE4}
    strokes = _strokes(wire)
    return Path([(x, y) for _, x, y in strokes], [codes[letter] for letter, _, _ in strokes])
