"""Drawings of attention: position vectors, one word's fan-out by head, grids of dots, atlases.

Heads are drawn side by side, each in its colour, and never averaged.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from practicum.lab.plots import COLOURS, blank
from practicum.nn.positions import Layout, sinusoids


def position_maps(length: int = 20, width: int = 512, base: float = 10_000.0) -> Figure:
    """The position vectors of both layouts, a row for each position."""
    layouts: tuple[Layout, ...] = ("interleaved", "halves")
    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    for number, layout in enumerate(layouts, start=1):
        axes = figure.add_subplot(2, 1, number)
        vectors = sinusoids(length, width, base, layout, torch.device("cpu"))
        axes.imshow(vectors.numpy(), aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
        axes.set_title(layout, fontsize=10)
        axes.set_ylabel("position")
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes)
    return figure


def fan_out(
    weights: Float[Tensor, "l h s"], words: Sequence[str], place: int, title: str
) -> Figure:
    """From the word at `place` a line to every word, as strong as its weight, one panel a layer."""
    layers, heads = weights.shape[:2]
    figure = Figure(figsize=(3.2 * layers + 1, 0.34 * len(words) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    for layer in range(layers):
        axes = figure.add_subplot(1, layers, layer + 1)
        for row, word in enumerate(words):
            weight = "bold" if row == place else "normal"
            axes.text(-0.08, -row, word, ha="right", va="center", fontsize=9, fontweight=weight)
            axes.text(1.08 + 0.09 * heads, -row, word, ha="left", va="center", fontsize=9)
        for head in range(heads):
            colour = COLOURS[head % len(COLOURS)]
            for row, value in enumerate(weights[layer, head].tolist()):
                shown = (0, 1), (-place, -row)
                axes.plot(*shown, color=colour, alpha=min(1.0, value), linewidth=2.5 * value)
                axes.add_patch(_square(1.02 + 0.09 * head, -row, colour, value))
        axes.set_title(f"layer {layer}", fontsize=9)
        axes.set_xlim(-0.6, 1.7 + 0.09 * heads)
        axes.set_ylim(-len(words) + 0.4, 0.6)
        axes.axis("off")
    return figure


def pattern_grid(
    weights: Float[Tensor, "h t s"], words: Sequence[str], *, columns: int = 3, title: str
) -> Figure:
    """The grid of dots of each head: a dot's size is the weight of a row's query on a key."""
    heads = len(weights)
    rows = -(-heads // columns)
    figure = Figure(figsize=(3.2 * columns, 3.2 * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    for head in range(heads):
        axes = figure.add_subplot(rows, columns, head + 1)
        query, key = torch.meshgrid(
            torch.arange(weights.shape[1]), torch.arange(weights.shape[2]), indexing="ij"
        )
        sizes = 40 * weights[head].flatten()
        colour = COLOURS[head % len(COLOURS)]
        axes.scatter(key.flatten(), query.flatten(), s=sizes.numpy(), color=colour)
        axes.set_title(f"head {head}", fontsize=8)
        axes.invert_yaxis()
        axes.set_xticks(range(len(words)), labels=list(words), rotation=90, fontsize=6)
        axes.set_yticks(range(len(words)), labels=list(words), fontsize=6)
    return figure


def head_atlas(scores: dict[str, Float[Tensor, "l h"]], *, title: str = "What heads do") -> Figure:
    """Every head of every layer, coloured by the score of each job."""
    figure = Figure(figsize=(2.2 * len(scores) + 1, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    for number, (name, values) in enumerate(scores.items(), start=1):
        axes = figure.add_subplot(1, len(scores), number)
        axes.imshow(values.numpy(), aspect="auto", cmap="viridis", vmin=0, vmax=1)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("head")
        if number == 1:
            axes.set_ylabel("layer")
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes)
    return figure


def mask_triangle(t: int = 6) -> Figure:
    """What each row of a masked pattern may see: row 0 itself alone, the last row everything."""
    figure, axes = blank("Masked self-attention", "key", "query", inches=(4.2, 4))
    axes.imshow(torch.ones(t, t).tril().numpy(), cmap="Blues", vmin=0, vmax=1.4)
    for query in range(t):
        for key in range(t):
            text = f"1/{query + 1}" if key <= query else "−∞"
            axes.text(key, query, text, ha="center", va="center", fontsize=8)
    return figure


def _square(x: float, y: float, colour: str, alpha: float) -> Rectangle:
    return Rectangle((x, y - 0.35), 0.08, 0.7, color=colour, alpha=min(1.0, alpha), linewidth=0)
