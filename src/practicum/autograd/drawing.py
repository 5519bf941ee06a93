"""The graph of a computation as a picture: SVG, a figure for PNG, or the text of a DOT file.

Two manners. "boxes": every number is a box {label | data | grad}, as in the lecture. "wires": every
number is a wire, its data in green above and its gradient in red below, as in circuit diagrams.
Between the numbers stand the gates that made them. No external program is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from practicum.autograd.arrays import Array
from practicum.autograd.graph import topological
from practicum.autograd.layout import Layout, Point, layered
from practicum.autograd.scalar import Value
from practicum.autograd.sketch import Box, Shape, Sketch, Wire, Words, text_width
from practicum.errors import ConfigError

Number = Value | Array
Labels = Mapping[Number, str]
Manner = Literal["boxes", "wires"]
MOST = 400  # numbers of a graph that is still drawn
GREEN, RED, GATE = "#00703c", "#c02020", "#fff3d6"
TALL, PAD = 24.0, 8.0  # of a box, and beside its text


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What is said of one number."""

    label: str
    data: str
    grad: str
    gate: str  # what made it; empty for a leaf


def sketch(root: Number, *, labels: Labels | None = None, manner: Manner = "boxes") -> Sketch:
    """The picture of everything `root` was computed from; `labels` go before the numbers' own.

    `.svg()` is the text of an SVG file, `.figure().savefig(path)` a PNG. In a browser a click on
    the SVG steps through the backward pass: from the root on, one gradient after the other.
    """
    order = _drawable(root)
    shown = [_shown(number, labels or {}) for number in order]
    items, wires = _items(order)
    sizes = [
        (_gate_width(shown[place]), TALL)
        if is_gate
        else (_width(shown[place], manner), TALL if manner == "boxes" else 1.5 * TALL)
        for place, is_gate in items
    ]
    layout = layered(sizes, wires)
    heads = [manner == "boxes" or is_gate for _, is_gate in items]
    shapes = _wires(wires, layout, [width for width, _ in sizes], heads)
    for (place, is_gate), at in zip(items, layout.centres, strict=True):
        what, step = shown[place], len(order) - 1 - place
        if is_gate:
            shapes += _gate(what, at)
        else:
            shapes += _record(what, at, step) if manner == "boxes" else _wire(what, at, step)
    return Sketch(width=layout.width, height=layout.height, shapes=tuple(shapes))


def dot(root: Number, *, labels: Labels | None = None) -> str:
    """The graph in the language of Graphviz, as boxes, from left to right."""
    order = _drawable(root)
    names = {number: f"n{place}" for place, number in enumerate(order)}
    lines = ["digraph {", "  rankdir=LR;", "  node [fontname=monospace];"]
    for number, name in names.items():
        what = _shown(number, labels or {})
        cells = [what.label, f"data {what.data}", f"grad {what.grad}"]
        text = " | ".join(_escaped(cell) for cell in cells if cell)
        lines.append(f'  {name} [shape=record, label="{{ {text} }}"];')
        if number.children:
            lines.append(f'  {name}_gate [label="{_escaped(what.gate)}"];')
            lines.append(f"  {name}_gate -> {name};")
            lines += [f"  {names[child]} -> {name}_gate;" for child in number.children]
    return "\n".join([*lines, "}\n"])


def _drawable(root: Number) -> list[Number]:
    order = topological(root)
    if len(order) > MOST:
        raise ConfigError(
            f"a graph of {len(order)} numbers cannot be read; draw one of {MOST} or fewer, "
            "such as a single neuron or the loss of one example"
        )
    return order


def _items(order: list[Number]) -> tuple[list[tuple[int, bool]], list[tuple[int, int]]]:
    """Numbers and gates in one list, (place in `order`, it is the gate), and the wires in it."""
    items: list[tuple[int, bool]] = []
    wires: list[tuple[int, int]] = []
    at: dict[Number, int] = {}
    for place, number in enumerate(order):
        if number.children:
            gate = len(items)
            items.append((place, True))
            wires += [(at[child], gate) for child in number.children]
            wires.append((gate, gate + 1))
        at[number] = len(items)
        items.append((place, False))
    return items, wires


def _shown(number: Number, labels: Labels) -> Shown:
    label = labels.get(number, number.label)
    if isinstance(number, Value):
        gate = number.op if number.constant is None else f"{number.op}{number.constant:g}"
        return Shown(label=label, data=_said(number.data), grad=_said(number.grad), gate=gate)
    data, grad = number.data, number.grad
    if number.shape and max(number.shape) > 1:
        shape = "×".join(map(str, number.shape))
        length = float((grad * grad).sum()) ** 0.5
        return Shown(label=label, data=shape, grad=f"‖{length:.3g}‖", gate=number.op)
    data, grad = float(data.reshape(-1)[0]), float(grad.reshape(-1)[0])
    return Shown(label=label, data=_said(data), grad=_said(grad), gate=number.op)


def _said(number: float) -> str:
    return f"{number + 0.0:.4g}"  # + 0.0 makes 0 of -0


def _gate_width(what: Shown) -> float:
    return max(TALL, text_width(what.gate) + PAD)


def _cells(what: Shown) -> list[str]:
    cells = [what.label, f"data {what.data}", f"grad {what.grad}"]
    return cells if what.label else cells[1:]


def _width(what: Shown, manner: Manner) -> float:
    if manner == "boxes":
        return sum(text_width(cell) + 2 * PAD for cell in _cells(what))
    return _name_width(what) + max(text_width(_above(what)), text_width(what.grad)) + PAD


def _name_width(what: Shown) -> float:
    """What the name of a leaf takes before its wire."""
    return text_width(what.label) + PAD if what.label and not what.gate else 0.0


def _above(what: Shown) -> str:
    """What stands above a wire: a result has its name there, since another wire leads to it."""
    return f"{what.label} = {what.data}" if what.label and what.gate else what.data


def _gate(what: Shown, at: Point) -> list[Shape]:
    width = _gate_width(what)
    return [
        Box(at=at, width=width, height=TALL, radius=TALL / 2, fill=GATE),
        Words(at=at, text=what.gate),
    ]


def _record(what: Shown, at: Point, step: int) -> list[Shape]:
    """The box {label | data | grad}."""
    cells, x = _cells(what), at[0] - _width(what, "boxes") / 2
    shapes: list[Shape] = []
    for place, cell in enumerate(cells):
        width = text_width(cell) + 2 * PAD
        middle, is_grad = (x + width / 2, at[1]), place == len(cells) - 1
        shapes.append(Box(at=middle, width=width, height=TALL, radius=0.0))
        shapes.append(Words(at=middle, text=cell, step=step if is_grad else None))
        x += width
    return shapes


def _wire(what: Shown, at: Point, step: int) -> list[Shape]:
    """A piece of wire with its two numbers; a leaf has its name before it."""
    width, name = _width(what, "wires"), _name_width(what)
    left, right = at[0] - width / 2, at[0] + width / 2
    middle = (left + name + right) / 2
    line = Wire(points=((left + name, at[1]), (right, at[1])), arrow=False)
    words = [
        Words(at=(middle, at[1] - 9), text=_above(what), colour=GREEN),
        Words(at=(middle, at[1] + 10), text=what.grad, colour=RED, step=step),
    ]
    label = [Words(at=(left + (name - PAD) / 2, at[1]), text=what.label)] if name else []
    return [line, *words, *label]


def _wires(
    wires: list[tuple[int, int]], layout: Layout, widths: list[float], heads: list[bool]
) -> list[Shape]:
    """Level beside the boxes, curved between columns; those that enter one gate do so apart."""
    rivals: dict[int, list[tuple[float, int]]] = {}
    for place, ((_, end), through) in enumerate(zip(wires, layout.bends, strict=True)):
        rivals.setdefault(end, []).append((through[-2][1], place))
    shapes: list[Shape] = []
    for place, ((start, end), through) in enumerate(zip(wires, layout.bends, strict=True)):
        (x0, y0), (x1, y1), arriving = layout.centres[start], layout.centres[end], rivals[end]
        rank = sorted(arriving).index((through[-2][1], place)) - (len(arriving) - 1) / 2
        y1 += rank * min(8.0, 16 / len(arriving))
        first, last = (x0 + widths[start] / 2, y0), (x1 - widths[end] / 2, y1)
        points = (first, *through[:-1], (through[-1][0], y1), last)
        shapes.append(Wire(points=points, arrow=heads[end]))
    return shapes


def _escaped(text: str) -> str:
    """For a record of DOT, whose fields these signs would part or end."""
    return "".join(f"\\{sign}" if sign in '\\{}|<>"' else sign for sign in text)
