import json
import math
from dataclasses import replace

import pytest

from practicum.errors import ConfigError, StoreError, UnknownName
from practicum.lab.export import export_verdict, read_export
from practicum.lab.paper import Claim, Paper, Validity
from practicum.lab.rows import Origin, Rows, Run
from practicum.lab.verdict import judge, verdict_from_json

ORIGIN = Origin(
    slug="toy",
    preset="cpu",
    setup={"kind": "Setup", "steps": 3},
    fingerprint="f" * 12,
    code="c" * 12,
    versions={"python": "3.11"},
    device="a machine",
    wall_seconds=12.5,
    created="2025-01-01T00:00:00+00:00",
)


def page(*claims, validity=()):
    return Paper(
        run=lambda setup, arm, seed: {},
        arms=("old", "new"),
        presets={"cpu": ORIGIN},
        claims=claims,
        validity=validity,
    )


def rows(old, new, failed=()):
    """One seed for each pair of values; `failed` are (arm, seed) that have none."""
    runs = [
        Run(arm=arm, seed=seed, state="failed", error="out of memory")
        if (arm, seed) in failed
        else Run(arm=arm, seed=seed, state="done", numbers={"score": value})
        for seed, pair in enumerate(zip(old, new, strict=True))
        for arm, value in zip(("old", "new"), pair, strict=True)
    ]
    return Rows(origin=ORIGIN, arms=("old", "new"), seeds=tuple(range(len(old))), runs=tuple(runs))


def gain(**threshold):
    return Claim("the new way gains", value=lambda r: r.new.score - r.old.score, **threshold)


CLEAR = rows([0.0, 5.0, 9.0], [1.0, 6.1, 9.9])  # paired: gains 1.0, 1.1, 0.9


@pytest.mark.parametrize(
    ("threshold", "state"),
    [
        ({"at_least": 0.5}, "holds"),
        ({"above": 0.5}, "holds"),
        ({"at_most": 0.5}, "fails"),
        ({"below": 0.5}, "fails"),
        ({"at_least": 2.0}, "fails"),
        ({"at_most": 2.0}, "holds"),
        ({"at_least": 0.99}, "open"),
        ({"below": 1.01}, "open"),
    ],
)
def test_a_claim_holds_fails_or_is_open_by_where_its_interval_lies(threshold, state):
    verdict = judge(page(gain(**threshold)), CLEAR)
    assert (verdict.state, verdict.claims[0].state) == (state, state)
    assert verdict.claims[0].values == pytest.approx((1.0, 1.1, 0.9))
    assert verdict.claims[0].mean == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("threshold", "state"),
    [({"at_least": 1}, "holds"), ({"above": 1}, "fails"), ({"at_most": 1}, "holds")],
)
def test_equal_values_are_a_point_that_is_compared_exactly(threshold, state):
    verdict = judge(page(gain(**threshold)), rows([0.0, 0.0], [1.0, 1.0]))
    assert verdict.state == state
    assert verdict.claims[0].interval == (1.0, 1.0)


def test_one_seed_stays_open_and_says_its_value():
    verdict = judge(page(gain(at_least=0.5)), rows([0.0], [0.8321]))
    assert verdict.state == "open"
    assert verdict.claims[0].interval is None
    assert verdict.reason == "one seed has no interval; its value is 0.8321, asked at least 0.5"


def test_the_page_is_as_bad_as_its_worst_claim():
    claims = (gain(at_least=0.5), replace(gain(at_least=2.0), text="it gains two"))
    verdict = judge(page(*claims), CLEAR)
    assert [claim.state for claim in verdict.claims] == ["holds", "fails"]
    assert verdict.state == "fails"


def test_a_validity_rule_broken_at_one_seed_makes_every_claim_invalid():
    rule = Validity("the old way learns", value=lambda r: r.old.score, at_least=1.0)
    verdict = judge(page(gain(at_least=0.5), validity=(rule,)), CLEAR)
    assert verdict.state == verdict.claims[0].state == verdict.validity[0].state == "invalid"
    assert verdict.reason == "the old way learns: 0 at seed 0, asked at least 1"
    assert verdict.claims[0].interval is not None  # what was measured is still shown


def test_a_validity_rule_that_is_met_changes_nothing():
    rule = Validity("the old way is bounded", value=lambda r: r.old.score, at_most=9)
    assert judge(page(gain(at_least=0.5), validity=(rule,)), CLEAR).state == "holds"


@pytest.mark.parametrize("number", [math.nan, math.inf, None])
def test_a_number_that_is_not_finite_makes_the_claim_invalid(number):
    if number is None:
        verdict = judge(page(gain(at_least=0.5)), rows([0.0, 0.0], [1.0, None]))
        assert verdict.reason == "score of arm 'new' at seed 1 is not a finite number"
    else:
        claim = Claim("it is", value=lambda r: number if r.new.score > 1 else 1.0, at_least=0.5)
        verdict = judge(page(claim), rows([0.0, 0.0], [1.0, 2.0]))
        assert verdict.reason == f"its value at seed 1 is {number}"
    assert verdict.state == "invalid"
    assert verdict.claims[0].values == (1.0, None)


def test_a_value_that_cannot_be_computed_makes_the_claim_invalid():
    claim = Claim("the ratio", value=lambda r: r.new.score / r.old.score, at_least=0.5)
    verdict = judge(page(claim), rows([1.0, 0.0], [1.0, 1.0]))
    assert verdict.state == "invalid"
    assert "no value at seed 1: float division by zero" in verdict.reason


def test_a_failed_arm_makes_the_page_invalid_even_where_no_claim_needs_it():
    claim = Claim("the new way scores", value=lambda r: r.new.score, at_least=0.5)
    verdict = judge(page(claim), rows([0.0, 0.0], [1.0, 1.0], failed={("old", 1)}))
    assert verdict.state == "invalid"
    assert verdict.reason == "arm 'old' at seed 1 failed: out of memory"
    assert verdict.claims[0].state == "holds"


def test_a_claim_that_asks_for_what_no_run_returns_is_an_error_of_the_page():
    claim = Claim("the new way scores", value=lambda r: r.new.scor, at_least=0.5)
    with pytest.raises(UnknownName, match="did you mean score"):
        judge(page(claim), CLEAR)


def test_no_seed_is_no_verdict():
    with pytest.raises(ConfigError, match="at least one seed"):
        judge(page(gain(at_least=0.5)), rows([], []))


def test_a_verdict_goes_to_json_and_back():
    verdict = judge(page(gain(at_least=0.5)), rows([0.0, 0.0], [1.0, None]))
    assert verdict_from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict


def test_an_exported_file_holds_the_numbers_to_judge_again(tmp_path):
    paper = page(gain(at_least=0.5))
    verdict = judge(paper, CLEAR)
    path = export_verdict(verdict, CLEAR, tmp_path / "results")
    assert path == tmp_path / "results" / "toy.json"
    assert [file.name for file in path.parent.iterdir()] == ["toy.json"]
    read, numbers = read_export(path)
    assert read == verdict == judge(paper, numbers)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"verdict": 3}', "\0\0"])
def test_a_file_that_is_no_verdict_is_refused(tmp_path, content):
    path = tmp_path / "toy.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StoreError, match="toy.json"):
        read_export(path)
