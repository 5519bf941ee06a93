"""Errors by drawing agree with errors by summing over all tallies."""

from fractions import Fraction
from math import comb

import pytest

from practicum.errors import ConfigError
from practicum.evaluation.estimate_errors import estimate_errors


def exact(chance: Fraction, samples: int, k: int) -> tuple[Fraction, Fraction]:
    """Expected errors (unbiased, plug-in) in exact arithmetic."""
    errors = [Fraction(0), Fraction(0)]
    for right in range(samples + 1):
        weight = comb(samples, right) * chance**right * (1 - chance) ** (samples - right)
        missed = Fraction(comb(samples - right, k), comb(samples, k))
        errors[0] += weight * (1 - missed)
        errors[1] += weight * (1 - (1 - Fraction(right, samples)) ** k)
    truth = 1 - (1 - chance) ** k
    return errors[0] - truth, errors[1] - truth


@pytest.mark.parametrize(("samples", "k"), [(10, 5), (10, 1), (20, 10)])
def test_drawn_errors_are_the_exact_ones(samples: int, k: int):
    chances = [0.1, 0.3, 0.8]
    found = estimate_errors(chances, samples=samples, k=k, draws=20_000, seed=1)
    for error in found:
        unbiased, plugged = exact(Fraction(error.chance), samples, k)
        assert unbiased == 0
        assert abs(error.unbiased) < 0.012  # four standard errors
        assert abs(error.plug_in - float(plugged)) < 0.012


def test_the_plug_in_is_low_and_at_one_try_right():
    (error,) = estimate_errors([0.1], samples=10, k=5, draws=20_000, seed=2)
    assert error.plug_in < -0.04
    (single,) = estimate_errors([0.1], samples=10, k=1, draws=100, seed=2)
    assert single.plug_in == pytest.approx(single.unbiased)


def test_the_seed_alone_decides():
    first, again, other = (
        estimate_errors([0.2, 0.5], samples=5, k=2, draws=50, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_more_tries_than_samples_are_refused():
    with pytest.raises(ConfigError, match="pass@6"):
        estimate_errors([0.5], samples=5, k=6, draws=1, seed=0)
