"""A dense network at work, as the numbers of a picture: columns of neurons and the strongest edges.

A column shows at most `tallest` neurons, those with the strongest edges, in their order. What an
edge carries is w·a (`activity`), or what the cost feels of it (`importance_picture`).
`network_layout` draws the picture; its numbers come as JSON too, for a page that draws them itself,
and `as_arrays` is the whole network for a page that runs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.config import to_json
from practicum.errors import ModelError
from practicum.interpret.dense import Dense, linear_layers
from practicum.interpret.importance import Importance


@dataclass(frozen=True, kw_only=True)
class Column:
    """Neurons of one layer that are shown, out of `total`, with a value each that shades them."""

    units: tuple[int, ...]
    values: tuple[float, ...]
    total: int
    chosen: int | None = None  # the unit with a ring around it


@dataclass(frozen=True, kw_only=True)
class Edge:
    """From unit `start` of column `column` to unit `end` of the next, with what it carries."""

    column: int
    start: int
    end: int
    strength: float


@dataclass(frozen=True, kw_only=True)
class NetworkPicture:
    """What is shown, in numbers."""

    title: str
    columns: tuple[Column, ...]
    edges: tuple[Edge, ...]
    image: tuple[tuple[float, ...], ...] = ()  # rows of grey values, top first
    labels: tuple[str, ...] = ()  # of the outputs

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return to_json(self)


def activity(
    layers: Sequence[Dense],
    example: int = 0,
    *,
    title: str,
    side: int | None = None,
    labels: Sequence[str] = (),
    edges: int = 100,
    tallest: int = 16,
) -> NetworkPicture:
    """One example of a trace: neurons by their activation, edges by |w·a|.

    `side` is the edge of the picture that the inputs are; None where they are none.
    """
    values = [layers[0].before[example], *(layer.after[example] for layer in layers)]
    strengths = [layer.weight * layer.before[example].abs() for layer in layers]
    image: tuple[tuple[float, ...], ...] = ()
    if side is not None:
        image = tuple(tuple(row) for row in values[0].reshape(-1, side).tolist())
    return _picture(
        values,
        strengths,
        title=title,
        image=image,
        labels=tuple(labels),
        edges=edges,
        tallest=tallest,
        chosen=int(values[-1].argmax()),
    )


def importance_picture(
    found: Importance,
    model: nn.Module,
    *,
    title: str,
    labels: Sequence[str] = (),
    edges: int = 100,
    tallest: int = 16,
) -> NetworkPicture:
    """Edges by |∂C/∂w|, blue where a larger weight lowers the cost; neurons by |∂C/∂b|."""
    strengths = [-found.slopes[f"{name}.weight"] for name, _ in linear_layers(model)]
    values = [torch.zeros(strengths[0].shape[1])]
    for (name, _), strength in zip(linear_layers(model), strengths, strict=True):
        bias = found.slopes.get(f"{name}.bias", torch.zeros(len(strength))).abs()
        values.append(bias / bias.max().clamp_min(1e-30))
    return _picture(
        values, strengths, title=title, labels=tuple(labels), edges=edges, tallest=tallest
    )


def as_arrays(
    model: nn.Module, activations: Sequence[str], side: int | None = None
) -> dict[str, Any]:
    """The whole network as JSON data: layer by layer weights, biases and the activation's name."""
    layers = linear_layers(model)
    if len(activations) != len(layers):
        raise ModelError(f"{len(layers)} layers need as many activations; got {len(activations)}")
    return {
        "side": side,
        "layers": [
            {
                "weights": layer.weight.tolist(),
                "biases": [0.0] * len(layer.weight) if layer.bias is None else layer.bias.tolist(),
                "activation": name,
            }
            for (_, layer), name in zip(layers, activations, strict=True)
        ],
    }


def _picture(
    values: Sequence[Float[Tensor, " _"]],
    strengths: Sequence[Float[Tensor, "_ _"]],
    *,
    title: str,
    labels: tuple[str, ...],
    edges: int,
    tallest: int,
    image: tuple[tuple[float, ...], ...] = (),
    chosen: int | None = None,
) -> NetworkPicture:
    """The strongest edges, and in each column the neurons that they meet most."""
    shown = [_shown(values, strengths, number, tallest) for number in range(len(values))]
    columns = tuple(
        Column(
            units=units,
            values=tuple(float(value[unit]) for unit in units),
            total=len(value),
            chosen=chosen if number == len(values) - 1 else None,
        )
        for number, (units, value) in enumerate(zip(shown, values, strict=True))
    )
    found = [
        Edge(column=number, start=start, end=end, strength=float(strength[end, start]))
        for number, (strength, (starts, ends)) in enumerate(
            zip(strengths, pairwise(shown), strict=True)
        )
        for start in starts
        for end in ends
    ]
    # Each joint shows its share of the edges: what layers carry differs by orders of magnitude.
    each = max(1, edges // len(strengths))
    strongest = [
        edge
        for number in range(len(strengths))
        for edge in sorted(
            (edge for edge in found if edge.column == number), key=lambda edge: -abs(edge.strength)
        )[:each]
        if edge.strength != 0
    ]
    return NetworkPicture(
        title=title, columns=columns, edges=tuple(strongest), image=image, labels=labels
    )


def _shown(
    values: Sequence[Tensor], strengths: Sequence[Tensor], number: int, tallest: int
) -> tuple[int, ...]:
    """The units of one column, by what leaves them; of the last, by what reaches them."""
    if len(values[number]) <= tallest:
        return tuple(range(len(values[number])))
    sums = strengths[number].abs().sum(0) if number < len(strengths) else strengths[-1].abs().sum(1)
    return tuple(sorted(sums.argsort(descending=True, stable=True)[:tallest].tolist()))
