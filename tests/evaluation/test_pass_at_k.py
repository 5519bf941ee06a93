"""pass@k against exact fractions, against every subset, and against drawing again and again."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practicum.errors import ConfigError
from practicum.evaluation.pass_at_k import Tally, pass_at_k, pass_rate, plug_in


@st.composite
def cases(draw, most=400):
    n = draw(st.integers(1, most))
    return Tally(samples=n, right=draw(st.integers(0, n))), draw(st.integers(1, n))


@given(cases())
def test_it_is_equation_1_in_exact_fractions(case):
    tally, k = case
    n, c = tally.samples, tally.right
    exact = 1 - Fraction(math.comb(n - c, k), math.comb(n, k))
    assert pass_at_k(tally, k) == pytest.approx(float(exact), abs=1e-12)


@given(cases(most=9))
def test_it_is_the_share_of_subsets_with_a_right_sample(case):
    tally, k = case
    right = [i < tally.right for i in range(tally.samples)]
    subsets = list(combinations(right, k))
    assert pass_at_k(tally, k) == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


@given(cases())
def test_more_draws_never_hurt_and_the_plug_in_is_never_above(case):
    tally, k = case
    assert 0 <= plug_in(tally, k) <= pass_at_k(tally, k) + 1e-12 <= 1 + 2e-12
    if k > 1:
        assert pass_at_k(tally, k - 1) <= pass_at_k(tally, k) + 1e-12


def test_large_counts_overflow_nothing():
    assert pass_at_k(Tally(samples=100_000, right=1), 50_000) == pytest.approx(0.5)


def test_pass_at_1_is_the_share_that_is_right():
    assert pass_at_k(Tally(samples=8, right=3), 1) == pytest.approx(3 / 8)
    assert plug_in(Tally(samples=8, right=3), 1) == pytest.approx(3 / 8)


def test_on_average_it_is_true_where_the_plug_in_is_low():
    n, k, p = 10, 5, 0.15
    right = np.random.default_rng(0).binomial(n, p, size=10_000)
    tallies = [Tally(samples=n, right=int(c)) for c in right]
    true = 1 - (1 - p) ** k
    assert abs(np.mean([pass_at_k(t, k) for t in tallies]) - true) < 0.01
    assert np.mean([plug_in(t, k) for t in tallies]) < true - 0.02


def test_the_rate_of_several_problems_has_an_interval_around_it():
    tallies = [Tally(samples=4, right=c) for c in (0, 1, 2, 4, 4, 0)]
    rate = pass_rate(tallies, 2, generator=np.random.default_rng(0))
    assert rate.mean == pytest.approx((0 + 0.5 + 5 / 6 + 1 + 1 + 0) / 6)
    assert rate.interval is not None
    low, high = rate.interval
    assert 0 <= low < rate.mean < high <= 1
    assert (rate.k, rate.problems) == (2, 6)
    assert pass_rate(tallies[:1], 1, generator=np.random.default_rng(0)).interval is None


def test_what_cannot_be_told_is_refused():
    with pytest.raises(ConfigError, match="pass@11 .* 10 samples; expected k from 1 to 10"):
        pass_at_k(Tally(samples=10, right=5), 11)
    with pytest.raises(ConfigError, match="pass@0"):
        plug_in(Tally(samples=10, right=5), 0)
    with pytest.raises(ConfigError, match="6 of 5 samples cannot be right"):
        Tally(samples=5, right=6)
    with pytest.raises(ConfigError, match="no problems"):
        pass_rate([], 1, generator=np.random.default_rng(0))
