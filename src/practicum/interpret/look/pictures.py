"""Pictures of a look: every part of it as one figure (matplotlib)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.interpret.look.contents import (
    Candidate,
    Contents,
    LensTable,
    Patterns,
    Stream,
    TallyTable,
    Token,
)
from practicum.lab.plots import COLOURS, blank

DATA, WEIGHT = COLOURS[0], COLOURS[1]  # as on the page: what flows, and what is learned
SHADES = "Blues"
WRITTEN = 40  # positions of a lens: of more only the shades are drawn


def pictures(contents: Contents) -> dict[str, Figure]:
    """Name and figure of everything that was collected."""
    words = contents.texts[contents.reading]
    drawn: dict[str, Figure] = {
        pattern.name: heads(pattern) for pattern in contents.patterns if pattern.layers
    }
    if contents.stream is not None:
        drawn["stream"] = stream(contents.stream, words)
    if contents.lens is not None:
        drawn["lens"] = lens(contents.lens, words)
    if contents.next:
        last = max(contents.next)
        drawn["next"] = candidates(contents.next[last], after=spoken(words[last]))
    if contents.tally is not None:
        drawn["tally"] = tally(contents.tally)
    return drawn


def heads(patterns: Patterns) -> Figure:
    """The patterns of all heads as one mosaic, a row for each layer."""
    layers, count, rows, columns = patterns.weights.shape
    gap = max(1, max(rows, columns) // 12)
    tiles = np.full((layers, rows + gap, count, columns + gap), np.nan)
    tiles[:, :rows, :, :columns] = np.sqrt(patterns.weights).transpose(0, 2, 1, 3)
    wide = min(1.2, 14 / count)
    figure, axes = blank(
        f"{patterns.name}: {rows} queries (down), {columns} keys (across) in every head",
        "head",
        "layer",
        inches=(max(4.0, 1 + count * wide), 1.0 + layers * wide * rows / columns),
    )
    mosaic = tiles.reshape(layers * (rows + gap), count * (columns + gap))
    axes.imshow(mosaic, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_facecolor("#dddddd")
    axes.set_xticks(
        [(head + 0.5) * (columns + gap) for head in range(count)],
        labels=[str(head) for head in range(count)],
    )
    axes.set_yticks(
        [(layer + 0.5) * (rows + gap) for layer in range(layers)],
        labels=[str(layer) for layer in patterns.layers],
    )
    axes.tick_params(labelsize=7, length=0)
    return figure


def stream(found: Stream, words: Sequence[Token]) -> Figure:
    """The norms of each part of the residual stream, over blocks and positions."""
    parts = list(found.norms)
    size = (
        3.2 + min(30.0, 0.22 * len(found.positions)),
        0.9 + len(parts) * (0.8 + 0.09 * len(found.layers)),
    )
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    for row, part in enumerate(parts):
        axes = figure.add_subplot(len(parts), 1, row + 1)
        shades = axes.imshow(
            np.log10(found.norms[part] + 1e-9), origin="lower", aspect="auto", cmap=SHADES
        )
        axes.set_title(f"length of {part}, log₁₀", fontsize=9)
        _blocks(axes, found.layers)
        _words(axes, [words[place] for place in found.positions] if row == len(parts) - 1 else [])
        figure.colorbar(shades, ax=axes, pad=0.01)
    return figure


def lens(found: LensTable, words: Sequence[Token]) -> Figure:
    """The likeliest token after every block, shaded by its probability."""
    rows, columns = found.kl.shape
    written = columns <= WRITTEN
    figure, axes = blank(
        "Logit lens: what would be said after each block",
        y="block",
        inches=(
            1.6 + min(0.75 * WRITTEN, (0.75 if written else 0.25) * columns),
            1.4 + 0.24 * rows,
        ),
    )
    best = found.probabilities[:, :, 0]
    axes.imshow(best, origin="lower", aspect="auto", cmap=SHADES, vmin=0, vmax=1)
    for row in range(rows):
        for column in range(columns if written else 0):
            axes.text(
                column,
                row,
                spoken(found.tokens[row][column][0], 9),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if best[row, column] > 0.55 else "black",
                parse_math=False,
            )
    _blocks(axes, found.layers)
    _words(axes, [words[place] for place in found.positions])
    return figure


def candidates(listed: Sequence[Candidate], *, after: str) -> Figure:
    """The likeliest next tokens as bars."""
    figure, axes = blank(
        f"Next token after “{after}”", x="probability", inches=(6, 0.9 + 0.27 * len(listed))
    )
    _bars(axes, [spoken(one.token) for one in listed], [one.probability for one in listed], DATA)
    return figure


def tally(found: TallyTable) -> Figure:
    """Parameters by category."""
    rows = [*found.categories, *found.rest]
    title = f"{found.parameters:,} parameters"
    if found.shared:
        title += " (the unembedding is the embedding, counted once)"
    figure, axes = blank(title, x="weights", inches=(7, 1.0 + 0.3 * len(rows)))
    _bars(axes, [row.name for row in rows], [row.weights for row in rows], WEIGHT)
    return figure


def spoken(token: Token, most: int = 16) -> str:
    """A token's text with its spaces and line ends visible, and nothing that no font has."""
    text = token.text.replace(" ", "·").replace("\n", "⏎") or "∅"
    text = "".join(
        letter if letter.isprintable() and ord(letter) < 0x2E80 else "□" for letter in text
    )
    return text if len(text) <= most else text[: most - 1] + "…"


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float], colour: str) -> None:
    axes.barh(range(len(names)), values, color=colour)
    axes.set_yticks(range(len(names)))
    for label, name in zip(axes.set_yticklabels(names), names, strict=True):
        label.set(fontsize=8, parse_math=False, text=name)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def _blocks(axes: Axes, layers: Sequence[int]) -> None:
    every = max(1, len(layers) // 15)
    axes.set_yticks(range(0, len(layers), every), labels=[str(n) for n in layers[::every]])
    axes.tick_params(labelsize=7)


def _words(axes: Axes, words: Sequence[Token]) -> None:
    every = max(1, len(words) // 120)
    axes.set_xticks(range(0, len(words), every))
    said = [spoken(word) for word in words[::every]]
    labels = axes.set_xticklabels(said, rotation=60, ha="right")
    for label in labels:
        label.set(fontsize=7, parse_math=False)
