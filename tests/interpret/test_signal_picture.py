"""Lines over time."""

import numpy as np
import pytest

from practicum.errors import DataError
from practicum.interpret.signal_picture import signal_picture


def test_panels_share_names_and_colours():
    line = np.arange(5.0)
    figure = signal_picture({"a": {"x": line, "y": -line}, "b": {"y": line}}, title="two")
    above, below = figure.axes
    assert [axes.get_title(loc="left") for axes in (above, below)] == ["a", "b"]
    np.testing.assert_array_equal(above.lines[1].get_ydata(), -line)
    assert above.lines[1].get_color() == below.lines[0].get_color() != above.lines[0].get_color()


def test_nothing_to_draw_is_refused():
    with pytest.raises(DataError, match="no signals"):
        signal_picture({}, title="none")
