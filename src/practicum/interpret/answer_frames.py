"""An answer word by word: what could have been said at each step, and where every head looked."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from practicum.decoding.translate import translate
from practicum.interpret.kept import Keep
from practicum.interpret.trace import trace_translation
from practicum.lab.plots import COLOURS
from practicum.models.encoder_decoder import EncoderDecoderModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One step of an answer."""

    candidates: tuple[tuple[int, float], ...]  # word and probability, the likeliest first
    looks: Float[Tensor, "h s"]  # of the heads of the top layer, at the source


def answer_frames(
    model: EncoderDecoderModel, source: Sequence[int], *, begin: int, end: int, shown: int = 3
) -> list[Frame]:
    """The steps of the greedy answer to `source`, each with its `shown` likeliest words.

    An answer more than 4 words longer than its source is cut there.
    """
    answer = translate(model, [source], begin=begin, end=end, extra=4)[0][0].ids
    read, written = torch.tensor([list(source)]), torch.tensor([[begin, *answer[:-1]]])
    seen = trace_translation(model, read, written, Keep(what=("cross_weights", "logits")))
    probabilities, words = seen.logits[0].softmax(-1).topk(shown)
    looks = seen.at("cross_weights", seen.layers[-1])[0]
    return [
        Frame(
            candidates=tuple(zip(words[step].tolist(), probabilities[step].tolist(), strict=True)),
            looks=looks[:, step],
        )
        for step in range(len(answer))
    ]


def draw_frames(
    frames: Sequence[Frame], source: Sequence[str], names: Sequence[str], title: str
) -> Figure:
    """A row for each step: every head's weights over the source words, and the candidates."""
    figure = Figure(figsize=(11, 0.7 * len(frames) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    grid = figure.add_gridspec(len(frames), 2, width_ratios=(3, 1))
    for step, frame in enumerate(frames):
        axes = figure.add_subplot(grid[step, 0])
        axes.imshow(frame.looks.numpy(), aspect="auto", cmap="Blues", vmin=0, vmax=1)
        axes.set_yticks([])
        axes.set_ylabel(str(step + 1), rotation=0, va="center", labelpad=10)
        last = step == len(frames) - 1
        axes.set_xticks(range(len(source)), labels=list(source) if last else [""] * len(source))
        axes.tick_params(labelsize=8, length=0)
        _candidates(figure.add_subplot(grid[step, 1]), frame, names)
    return figure


def _candidates(axes: Axes, frame: Frame, names: Sequence[str]) -> None:
    words = [names[word] for word, _ in frame.candidates]
    axes.barh(range(len(words)), [p for _, p in frame.candidates], color=COLOURS[0], height=0.7)
    axes.set_yticks(range(len(words)), labels=words, fontsize=7)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
