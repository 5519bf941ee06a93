"""The rate of T5: held at its peak for ten thousand steps, then falling as 1/√n."""

import math

import pytest

from practicum.errors import ConfigError
from practicum.training.schedules import HeldInverseSqrt, factor


def test_a_held_rate_is_that_of_t5():
    for step in (0, 1, 9_998, 9_999, 10_000, 20_000, 2**19 - 1):
        rate = 0.01 * factor(HeldInverseSqrt(), step, warmup=0, steps=2**19)
        assert math.isclose(rate, 1 / math.sqrt(max(step + 1, 10_000)))


def test_a_held_rate_may_begin_with_a_warm_up():
    held = HeldInverseSqrt(hold=10)
    assert factor(held, 1, warmup=4, steps=100) == 0.5
    assert factor(held, 9, warmup=4, steps=100) == 1
    assert factor(held, 39, warmup=4, steps=100) == 0.5


def test_holding_for_no_step_is_refused():
    with pytest.raises(ConfigError, match="hold is 0"):
        HeldInverseSqrt(hold=0)
