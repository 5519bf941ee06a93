"""The picture of a boundary shows the points, the two sides, and the line between them."""

import io

import numpy as np
import pytest

from practicum.lab.boundary import boundary

POINTS = np.array([[0.0, 0.0], [2.0, 1.0], [2.0, 0.0]])
SIGNS = np.array([-1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "score", [lambda rows: rows[:, 0] - 1.0, lambda rows: 0 * rows[:, 0] + 1.0]
)
def test_a_boundary_is_drawn_also_where_all_scores_have_one_sign(score):
    figure = boundary(score, POINTS, SIGNS, title="a $ sign")
    figure.savefig(io.BytesIO(), format="png")
    (axes,) = figure.axes
    assert axes.get_title() == "a $ sign"
    assert axes.get_xlim() == pytest.approx((-0.5, 2.5), abs=0.2)
    shown = [points.get_offsets().tolist() for points in axes.collections[-2:]]
    assert shown == [[[2.0, 1.0], [2.0, 0.0]], [[0.0, 0.0]]]
