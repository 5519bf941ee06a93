"""Intervals cover the truth and grow with noise; the verb plans from a file."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from practicum.cli.main import practicum, run
from practicum.evaluation.scaling_fit import ScalingLaw, cheapest
from practicum.evaluation.scaling_intervals import interval, plans, resampled_laws

LAW = ScalingLaw(floor=1.69, size=406.4, size_power=0.34, data=410.7, data_power=0.28)


def runs(noise: float, per_side: int = 5) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.array([
        (n, d, LAW.loss(n, d) * np.exp(noise * rng.standard_normal()))
        for n in np.logspace(6.5, 10, per_side)
        for d in np.logspace(8, 11.5, per_side)
    ])  # fmt: skip


def test_the_interval_holds_the_true_exponent_and_grows_with_noise():
    widths = []
    for noise in (1e-3, 1e-2):
        laws = resampled_laws(runs(noise), 30, np.random.default_rng(0))
        low, high = interval([law.size_power for law in laws], 30)
        assert low < LAW.size_power < high
        widths.append(high - low)
    assert widths[1] > 3 * widths[0]


def test_the_same_seed_draws_the_same_laws():
    one, other = (resampled_laws(runs(1e-2), 3, np.random.default_rng(5)) for _ in range(2))
    assert one == other


def test_laws_by_which_it_cannot_be_done_have_no_plan_and_too_many_no_interval():
    high = ScalingLaw(floor=3.0, size=406.4, size_power=0.34, data=410.7, data_power=0.28)
    found = plans([LAW, high, LAW], lambda law: cheapest(law, 2.5, 0.0))
    assert len(found) == 2
    assert interval([plan.loss for plan in found], 3) is None
    low, high = interval([1.0, 2.0, 3.0, 4.0], 5)
    assert 1.0 < low < 2.0 < 3.0 < high < 4.0


@pytest.fixture
def file(tmp_path):
    lines = [",".join(f"{value:.8g}" for value in row) for row in runs(1e-3)]
    (tmp_path / "runs.csv").write_text("\n".join(["parameters,tokens,loss", *lines]))
    return str(tmp_path / "runs.csv")


def test_the_verb_plans_from_a_file(file):
    call = ["plan", file, "--loss", "2.5", "--serve", "1e11", "--samples", "10", "--json"]
    result = CliRunner().invoke(practicum, call, catch_exceptions=False)
    found = json.loads(result.output)
    plan = {row["what"]: row for row in found["plan"]}
    expected = cheapest(LAW, 2.5, 1e11)
    assert plan["parameters"]["value"] == pytest.approx(expected.parameters, rel=0.1)
    assert plan["total_flops"]["low"] <= plan["total_flops"]["value"] <= plan["total_flops"]["high"]
    assert plan["loss"]["value"] == pytest.approx(2.5)
    assert found["runs"] == 25


def test_a_plan_far_from_the_runs_is_called_so(file):
    result = CliRunner().invoke(practicum, ["plan", file, "--budget", "1e27", "--samples", "0"])
    assert "far from the runs'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give --loss, the loss to reach, or --budget"),
        (("--loss", "1.0"), "out of reach"),
        (("--loss", "nan"), "--loss is nan"),
        (("--budget", "-1"), "--budget is -1.0"),
        (("--budget", "1e20", "--serve", "-1"), "--serve is -1.0"),
        (("--loss", "2.0", "--budget", "1e10"), "operations of training at least"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_line(file, arguments, said, capfd):
    assert run(["plan", file, "--samples", "0", *arguments]) == 2
    problem = capfd.readouterr().err
    assert said in problem
    assert problem.count("\n") == 1


def test_a_table_without_the_columns_is_refused(tmp_path, capfd):
    (tmp_path / "t.csv").write_text("parameters,tokens\n1,2\n")
    assert run(["plan", str(tmp_path / "t.csv"), "--budget", "1e20"]) == 2
    assert "loss" in capfd.readouterr().err
    (tmp_path / "w.csv").write_text("parameters,tokens,loss\n1,2,low\n")
    assert run(["plan", str(tmp_path / "w.csv"), "--budget", "1e20"]) == 2
    assert "loss is 'low' in a row; expected a number" in capfd.readouterr().err
