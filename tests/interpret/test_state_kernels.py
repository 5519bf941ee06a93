"""Kernels before training and after it."""

import numpy as np
import pytest
from torch import nn

from practicum.errors import DataError
from practicum.interpret.state_kernels import first_kernels, kernel_picture
from practicum.models.build import build
from practicum.models.families.s4 import s4
from practicum.nn.state_space import Diagonal, StateSpace


def test_two_states_of_a_network_are_laid_over_each_other():
    mixer = StateSpace(matrix=Diagonal(), state=4)
    one = s4(features=1, classes=2, width=6, depth=1, mixer=mixer)
    start, end = (build(one, seed=seed) for seed in (0, 1))
    figure = kernel_picture(start, end, 9)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"channel {c}" for c in (0, 1, 3, 5)
    ]
    drawn = figure.axes[3].lines
    np.testing.assert_array_equal(drawn[0].get_ydata(), first_kernels(start, 9)[5])
    np.testing.assert_array_equal(drawn[1].get_ydata(), first_kernels(end, 9)[5])


def test_a_network_without_a_state_space_has_none():
    with pytest.raises(DataError, match="no kernels"):
        first_kernels(nn.Linear(1, 1), 4)
