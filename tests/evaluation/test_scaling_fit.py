"""A known law is found again from noisy runs, and its cheapest plan is the one a grid finds."""

import math

import numpy as np
import pytest

from practicum.errors import DataError, TrainingError
from practicum.evaluation.scaling_fit import (
    ScalingLaw,
    cheapest,
    compute_optimal,
    fit_law,
    within,
)

LAW = ScalingLaw(floor=1.69, size=406.4, size_power=0.34, data=410.7, data_power=0.28)


def runs(noise: float, *, wrong: int = 0) -> np.ndarray:
    generator = np.random.default_rng(0)
    rows = [
        (n, d, LAW.loss(n, d) * math.exp(noise * generator.standard_normal()))
        for n in np.logspace(6.5, 10, 7).tolist()
        for d in np.logspace(8, 11.5, 7).tolist()
    ]
    table = np.array(rows)
    table[:wrong, 2] *= 1.3
    return table


def test_a_law_is_found_again_exactly_where_there_is_no_noise() -> None:
    fit = fit_law(runs(0.0))
    assert fit.floor == pytest.approx(LAW.floor, rel=1e-3)
    assert fit.size_power == pytest.approx(LAW.size_power, rel=1e-3)
    assert fit.data_power == pytest.approx(LAW.data_power, rel=1e-3)


def test_noise_and_a_few_wrong_runs_hardly_move_it() -> None:
    fit = fit_law(runs(1e-3, wrong=2))
    assert fit.floor == pytest.approx(LAW.floor, rel=0.05)
    assert fit.size_power == pytest.approx(LAW.size_power, rel=0.05)
    assert fit.data_power == pytest.approx(LAW.data_power, rel=0.05)


def test_the_best_use_of_a_budget_is_the_one_a_grid_finds() -> None:
    budget = 1e21
    grid = np.logspace(7, 12, 20001)
    losses = [LAW.loss(n, budget / 6 / n) for n in grid.tolist()]
    plan = compute_optimal(LAW, budget)
    assert plan.parameters == pytest.approx(grid[int(np.argmin(losses))], rel=2e-3)
    assert plan.loss <= min(losses)
    assert plan.training_flops == pytest.approx(budget)


@pytest.mark.parametrize("served", [0.0, 1e12, 1e14])
def test_the_cheapest_plan_is_the_one_a_grid_finds(served: float) -> None:
    target = 2.2
    plan = cheapest(LAW, target, served)
    totals = []
    for n in np.logspace(7, 12, 20001).tolist():
        left = target - LAW.floor - LAW.size / n**LAW.size_power
        tokens = (LAW.data / left) ** (1 / LAW.data_power) if left > 0 else math.inf
        totals.append(6 * n * tokens + 2 * n * served)
    assert plan.total_flops == pytest.approx(min(totals), rel=1e-5)
    assert plan.loss == pytest.approx(target)


def test_the_more_is_served_the_smaller_the_model_and_the_longer_it_reads() -> None:
    plans = [cheapest(LAW, 2.2, served) for served in (0.0, 1e12, 1e13, 1e14)]
    assert [p.parameters for p in plans] == sorted((p.parameters for p in plans), reverse=True)
    assert [p.tokens for p in plans] == sorted(p.tokens for p in plans)


def test_a_training_budget_is_kept() -> None:
    least = cheapest(LAW, 2.2, 0.0).training_flops
    plan = cheapest(LAW, 2.2, 1e15, budget=1.2 * least)
    assert plan.training_flops == pytest.approx(1.2 * least)
    assert plan.loss == pytest.approx(2.2)


def test_what_is_out_of_reach_is_said() -> None:
    with pytest.raises(TrainingError, match="floor is 1.69"):
        cheapest(LAW, 1.5, 0.0)
    with pytest.raises(TrainingError, match="the budget is 1e\\+15"):
        cheapest(LAW, 2.2, 0.0, budget=1e15)


def test_runs_that_say_too_little_are_refused() -> None:
    with pytest.raises(DataError, match="4 runs"):
        fit_law(runs(0.0)[:4])
    with pytest.raises(DataError, match="three sizes"):
        fit_law(runs(0.0)[:7])
    broken = runs(0.0)
    broken[3, 2] = math.nan
    with pytest.raises(DataError, match="positive"):
        fit_law(broken)


def test_a_budget_that_serves_too_buys_a_smaller_network_on_more_tokens() -> None:
    budget, served = 1e21, 1e11
    plan, alone = within(LAW, budget, served), compute_optimal(LAW, budget)
    assert plan.total_flops == pytest.approx(budget, rel=1e-6)
    assert plan.parameters < alone.parameters
    assert plan.tokens / plan.parameters > alone.tokens / alone.parameters
    assert plan.loss > alone.loss
    assert cheapest(LAW, plan.loss * 0.999, served).total_flops > budget
    assert within(LAW, budget, 0.0) == alone


def test_a_fit_started_near_is_the_fit_from_afar() -> None:
    table = runs(1e-3)
    fit = fit_law(table)
    assert fit_law(table, near=LAW).size_power == pytest.approx(fit.size_power, rel=1e-3)
