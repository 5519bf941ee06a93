import copy
from dataclasses import dataclass, replace

import pytest

from practicum.errors import ConfigError, UnknownName
from practicum.lab.paper import Claim, Paper, Results, Unmeasured, Validity
from practicum.lab.rows import Origin, Rows, Run


@dataclass(frozen=True, kw_only=True)
class Setup:
    steps: int = 3


def run(setup, arm, seed):
    return {"bpb": 1.0}


CLAIM = Claim("it is small", value=lambda r: r.lora.bpb, at_most=2.0)
PAPER = Paper(run=run, arms=("full", "lora"), presets={"cpu": Setup()}, claims=(CLAIM,))
ORIGIN = Origin(
    slug="toy",
    preset="cpu",
    setup={},
    fingerprint="f",
    code="c",
    versions={},
    device="",
    wall_seconds=0.0,
    created="2025-01-01",
)


def results(**numbers):
    runs = [Run(arm=arm, seed=0, state="done", numbers=found) for arm, found in numbers.items()]
    return Results(Rows(origin=ORIGIN, arms=tuple(numbers), seeds=(0,), runs=tuple(runs)), 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arms": ("full",)}, "two different arms"),
        ({"arms": ("full", "full")}, "two different arms"),
        ({"arms": ("full", "a/b")}, "cannot name a folder"),
        ({"once": ("lorra",)}, "arms run once"),
        ({"once": ("full", "lora")}, "arms run once"),
        ({"claims": ()}, "one claim or more"),
        ({"claims": (CLAIM, CLAIM)}, "each with its own text"),
        ({"presets": {}}, "instances of one Setup"),
        ({"presets": {"cpu": {"steps": 3}}}, "cpu: dict"),
        ({"presets": {"cpu": Setup}}, "instances of one Setup"),
        ({"seeds": 0}, "at least one seed"),
        ({"plots": (run, run)}, "different names"),
    ],
)
def test_a_page_that_cannot_be_judged_is_refused(change, says):
    with pytest.raises(ConfigError, match=says):
        replace(PAPER, **change)


@pytest.mark.parametrize("kind", [Claim, Validity])
@pytest.mark.parametrize(
    ("thresholds", "says"),
    [
        ({}, "got none"),
        ({"at_least": 1, "below": 2}, "got at least 1 and below 2"),
        ({"above": float("nan")}, "finite threshold"),
    ],
)
def test_a_rule_has_exactly_one_threshold(kind, thresholds, says):
    with pytest.raises(ConfigError, match=says):
        kind("it is so", value=lambda r: 1.0, **thresholds)


def test_a_threshold_of_zero_counts():
    assert str(Claim("it grows", value=lambda r: 1.0, above=0).bound) == "above 0"


def test_thresholds_include_their_value_only_when_they_say_so():
    def admits(**threshold):
        return Claim("x", value=lambda r: 1.0, **threshold).bound.admits(1.0)

    assert admits(at_least=1)
    assert admits(at_most=1)
    assert not admits(above=1)
    assert not admits(below=1)


def test_arms_and_metrics_are_read_as_attributes_or_items():
    r = results(frozen={"bpb": 1.5}, **{"3x96": {"bits/byte": 2.5}})
    assert r.frozen.bpb == 1.5
    assert r["3x96"]["bits/byte"] == 2.5
    assert list(r.frozen) == ["bpb"]
    assert copy.copy(r).frozen.bpb == 1.5


def test_an_unknown_name_is_answered_with_near_ones():
    r = results(frozen={"accuracy": 1.5})
    with pytest.raises(UnknownName, match="no arm 'frosen'; did you mean frozen"):
        _ = r.frosen
    with pytest.raises(UnknownName, match="no metric of arm 'frozen' at seed 0 'acuracy'; did you"):
        _ = r.frozen.acuracy


def test_a_number_that_is_missing_is_not_an_unknown_name():
    with pytest.raises(Unmeasured, match="bpb of arm 'frozen' at seed 0 is not a finite number"):
        _ = results(frozen={"bpb": None}).frozen.bpb


def test_seeds_come_from_the_page_or_the_preset():
    assert PAPER.seed_count("cpu") == 3
    assert PAPER.seed_count("smoke") == 1
    assert replace(PAPER, seeds=5).seed_count("smoke") == 5
    assert replace(PAPER, seeds={"cpu": 2}).seed_count("cpu") == 2


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match="no preset 'gpu'"):
        PAPER.setup("gpu")
