import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import ConfigError
from practicum.lab.intervals import bootstrap_interval, t_interval, t_quantile

# scipy.stats.t.ppf(probability, degrees)
KNOWN = {
    (0.975, 1): 12.706204736174707,
    (0.975, 2): 4.302652729749464,
    (0.975, 3): 3.1824463052837095,
    (0.975, 4): 2.7764451051977943,
    (0.975, 10): 2.2281388519862747,
    (0.975, 30): 2.0422724563012378,
    (0.975, 100): 1.9839715185235556,
    (0.995, 5): 4.032142983557536,
    (0.95, 7): 1.894578605061305,
    (0.9, 2): 1.8856180831641267,
}


@pytest.mark.parametrize(("probability", "degrees"), KNOWN)
def test_quantiles_are_those_of_scipy(probability, degrees):
    expected = KNOWN[probability, degrees]
    assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9)
    assert t_quantile(1 - probability, degrees) == pytest.approx(-expected, rel=1e-9)


def test_the_median_is_zero_and_many_degrees_are_nearly_normal():
    assert t_quantile(0.5, 3) == pytest.approx(0.0, abs=1e-12)
    assert t_quantile(0.975, 100_000) == pytest.approx(1.959963985, abs=1e-4)


@pytest.mark.parametrize(("probability", "degrees"), [(0.0, 2), (1.0, 2), (math.nan, 2), (0.9, 0)])
def test_a_quantile_that_does_not_exist_is_refused(probability, degrees):
    with pytest.raises(ConfigError, match="no t quantile"):
        t_quantile(probability, degrees)


def test_an_interval_by_hand():
    # mean 2, s = 1, n = 3: half = 4.302652… / √3
    low, high = t_interval([1.0, 2.0, 3.0]) or (0, 0)
    assert (low, high) == pytest.approx((2 - 2.4841377, 2 + 2.4841377))


def test_one_value_has_no_interval_and_equal_values_give_the_point():
    assert t_interval([0.1]) is None
    assert t_interval([]) is None
    assert t_interval([0.1, 0.1, 0.1]) == (0.1, 0.1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_the_interval_holds_the_mean_and_does_not_depend_on_the_order(values):
    low, high = t_interval(values) or (math.nan, math.nan)
    slack = 1e-6 * (1 + max(map(abs, values)))
    assert low - slack <= sum(values) / len(values) <= high + slack
    assert t_interval(values[::-1]) == pytest.approx((low, high), abs=slack)


def test_the_bootstrap_agrees_with_student_where_values_are_many_and_even():
    values = np.random.default_rng(0).normal(3.0, 2.0, size=400).tolist()
    low, high = bootstrap_interval(values, generator=np.random.default_rng(1)) or (0, 0)
    assert (low, high) == pytest.approx(t_interval(values), abs=0.03)


def test_the_bootstrap_stays_within_the_values_and_leans_where_they_lean():
    values = [0.0] * 18 + [1.0] * 2  # Student's reaches below zero
    low, high = bootstrap_interval(values, generator=np.random.default_rng(0)) or (0, 0)
    assert low == 0.0
    assert high == pytest.approx(0.25)


def test_the_bootstrap_of_one_value_is_none_and_of_equal_values_the_point():
    assert bootstrap_interval([1.0], generator=np.random.default_rng(0)) is None
    assert bootstrap_interval([2.0] * 5, generator=np.random.default_rng(0)) == (2.0, 2.0)


def test_a_wider_confidence_holds_the_narrower():
    values = list(range(12))
    narrow = bootstrap_interval(values, 0.5, generator=np.random.default_rng(3)) or (0, 0)
    wide = bootstrap_interval(values, 0.99, generator=np.random.default_rng(3)) or (0, 0)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
