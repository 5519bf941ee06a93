"""One prefix is misled where two are not."""

import math

import pytest

from practicum.decoding.beam import Beam
from practicum.decoding.two_steps import END, OPTIMUM, A, best_answer


def test_two_hypotheses_find_what_one_misses():
    greedy, two = best_answer(Beam(width=1, alpha=0.0)), best_answer(Beam(width=2, alpha=0.0))
    assert greedy.ids == (A, END)
    assert greedy.logprob == pytest.approx(math.log(0.24))
    assert two.ids == OPTIMUM
    assert two.logprob == pytest.approx(math.log(0.38))
