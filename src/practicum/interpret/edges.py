"""Weights set by hand: a neuron that looks for an edge or a bar (3Blue1Brown 2017, chapter 1).

The weights say which pattern of pixels a neuron looks for, the bias how bright it has to be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64
from torch import nn

from practicum.errors import ConfigError
from practicum.interpret.dense import rows, trace
from practicum.interpret.perceptron import set_weights

Picture = Float32[np.ndarray, "side side"]
Images = Float32[np.ndarray, "m i"] | Float64[np.ndarray, "m i"]


@dataclass(frozen=True, eq=False)
class Detector:
    """The weights into one neuron as a picture, and its bias."""

    weights: Picture
    bias: float


def bar_detector(bar: Bool[np.ndarray, "side side"], *, surround: float = -1.0) -> Detector:
    """+1 on the pixels of `bar`, `surround` on those that touch it, and the bias −t.

    t is half the number of the bar's pixels: half its brightness is enough, unless the surround is
    bright too, as in a picture of one grey. There are at least as many pixels around a bar as in
    it, so that such a picture never fires the neuron.
    """
    if not 0 < bar.sum() <= bar.size / 3:
        raise ConfigError(
            f"a bar of {int(bar.sum())} of {bar.size} pixels; expected one to a third of them"
        )
    touched = np.zeros((len(bar) + 2, bar.shape[1] + 2), bool)
    for down in range(3):
        for right in range(3):
            touched[down : down + len(bar), right : right + bar.shape[1]] |= bar
    around = touched[1:-1, 1:-1] & ~bar
    return Detector((bar + surround * around).astype(np.float32), -float(bar.sum()) / 2)


def horizontal_bars(side: int, length: int) -> Bool[np.ndarray, "n side side"]:
    """Every place of a horizontal bar one pixel high in a picture, from the top left."""
    found = []
    for row in range(side):
        for column in range(side - length + 1):
            bar = np.zeros((side, side), bool)
            bar[row, column : column + length] = True
            found.append(bar)
    return np.stack(found)


def edge(side: int, *, row: float, column: float, angle: float, width: float) -> Picture:
    """A localised edge: one side positive, the other negative, fading with the distance.

    w = (d/s) exp(½ − (d² + e²)/2s²), the slope of a Gaussian of deviation s = `width` pixels, with
    d across the edge and e along it, measured from (`row`, `column`). Its largest value is 1.
    """
    down, right = np.mgrid[:side, :side].astype(np.float64)
    down, right = down - row, right - column
    across = right * math.cos(angle) + down * math.sin(angle)
    along = down * math.cos(angle) - right * math.sin(angle)
    falling = np.exp(0.5 - (across**2 + along**2) / (2 * width**2))
    return (across / width * falling).astype(np.float32)


def edges(side: int, count: int = 16) -> Float32[np.ndarray, "n side side"]:
    """`count` edges over the whole picture: four directions at each place of a square grid."""
    places = math.ceil(math.sqrt(count / 4))
    found = []
    for number in range(count):
        place, turn = divmod(number, 4)
        row, column = divmod(place, places)
        found.append(
            edge(
                side,
                row=(row + 0.5) * side / places - 0.5,
                column=(column + 0.5) * side / places - 0.5,
                angle=turn * math.pi / 4,
                width=side / 6,
            )
        )
    return np.stack(found)


def fires(
    model: nn.Module, picture: Picture, biases: Sequence[float], images: Images
) -> Bool[np.ndarray, "n m"]:
    """Which images (columns) fire neuron 0 of the first layer, a > ½, at each bias (rows).

    The neuron looks for `picture`, and keeps it and the last bias.
    """
    found = []
    for bias in biases:
        set_weights(model, 0, picture, bias=bias)
        found.append((trace(model, rows(images, model))[0].after[:, 0] > 0.5).numpy())
    return np.stack(found)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What detectors of a bar answer, over all places of the bar."""

    bar: float  # to their bar alone, the dimmest
    bright_low: float  # to a picture that is bright all over, the dimmest
    bright_high: float  # and the brightest


def detecting(model: nn.Module, side: int, *, surround: float) -> Answers:
    """A detector set by hand as neuron 0, for a bar half as long as the picture at every place."""
    bar_answers, bright_answers = [], []
    for bar in horizontal_bars(side, side // 2):
        detector = bar_detector(bar, surround=surround)
        set_weights(model, 0, detector.weights, bias=detector.bias)
        shown = np.stack([bar.reshape(-1).astype(np.float64), np.ones(side * side)])
        on_bar, on_bright = trace(model, rows(shown, model))[0].after[:, 0].tolist()
        bar_answers.append(on_bar)
        bright_answers.append(on_bright)
    return Answers(
        bar=min(bar_answers), bright_low=min(bright_answers), bright_high=max(bright_answers)
    )
