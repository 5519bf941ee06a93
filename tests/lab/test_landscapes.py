"""Pictures of landscapes and sheets can be drawn, flat ground and gaps included."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from practicum.errors import ConfigError
from practicum.lab.landscapes import contours, valleys
from practicum.lab.sheets import sheet

XS, YS = np.linspace(-1, 1, 9), np.linspace(-2, 2, 7)
HEIGHTS = 0.1 + XS[None] ** 2 + YS[:, None] ** 2


def colours(figure: Figure) -> int:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return len(np.unique(np.asarray(canvas.buffer_rgba()).reshape(-1, 4), axis=0))


@pytest.mark.parametrize("log", [False, True])
def test_contours_take_paths_and_gaps(log: bool):
    holed = HEIGHTS.copy()
    holed[0, 0] = np.inf
    paths = {"a walk": [(0.9, 1.5), (0.3, 0.4), (0.0, 0.0)]}
    assert colours(contours(XS, YS, holed, title="T", x="x", y="y", paths=paths, log=log)) > 50


def test_flat_ground_is_no_trouble():
    assert colours(contours(XS, YS, np.ones((7, 9)), title="T", x="x", y="y")) > 5


def test_valleys_show_their_walks():
    walks = {"left": [(-1.0, 1.0), (-0.2, 0.04)], "right": np.array([[1.0, 1.0], [0.1, 0.01]])}
    assert colours(valleys(XS, XS**2, title="T", x="x", y="f", walks=walks)) > 20


@pytest.mark.parametrize("signed", [False, True])
def test_a_sheet_has_a_caption_for_every_picture(signed: bool):
    pictures = np.random.default_rng(0).random((5, 8, 8)) - 0.5 * signed
    figure = sheet(pictures, ["a"] * 5, title="T", columns=3, signed=signed)
    assert len(figure.axes) == 6
    assert colours(figure) > 40
    assert colours(sheet(np.zeros((1, 2, 2)), ["zero"], title="T", signed=signed)) > 1
    with pytest.raises(ConfigError, match="5 pictures with 2 captions"):
        sheet(pictures, ["a"] * 2, title="T")
