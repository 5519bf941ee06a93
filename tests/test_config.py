"""Descriptions: to JSON and back, overridden by path with types kept, named by a fingerprint."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from practicum.config import fingerprint, from_json, override, to_json
from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Fast:
    speed: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Slow:
    patience: int = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    steps: int
    rate: float = 1e-3
    name: str = "plain"
    mode: Literal["a", "b"] = "a"
    limit: int | None = None
    way: Fast | Slow = Fast()
    ways: tuple[Fast | Slow, ...] = (Fast(), Slow())
    pair: tuple[int, float] = (1, 2.0)
    notes: dict[str, int] = field(default_factory=dict)
    sure: bool = True


PLAN = Plan(steps=5, way=Slow(patience=9), limit=4, notes={"x": 1})


def test_a_description_survives_json():
    assert from_json(Plan, json.loads(json.dumps(to_json(PLAN)))) == PLAN


def test_a_union_is_read_by_the_kind_of_its_members():
    assert from_json(Fast | Slow, {"kind": "Slow", "patience": 2}) == Slow(patience=2)
    with pytest.raises(ConfigError, match="'Lazy'; expected one of Fast, Slow"):
        from_json(Fast | Slow, {"kind": "Lazy"})


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("steps", "800", 800),
        ("steps", "1e3", 1000),
        ("rate", "3", 3.0),
        ("name", "007", "007"),
        ("name", "two words", "two words"),
        ("mode", "b", "b"),
        ("limit", "null", None),
        ("sure", "false", False),
        ("pair", "[3, 4]", (3, 4.0)),
    ],
)
def test_an_override_keeps_the_type_of_its_field(path: str, text: str, value: object):
    changed = getattr(override(PLAN, path, text), path)
    assert changed == value
    assert type(changed) is type(value)


def test_an_override_reaches_into_descriptions_and_tuples():
    assert override(PLAN, "way.patience", "1").way == Slow(patience=1)
    assert override(PLAN, "ways.1.patience", "1").ways == (Fast(), Slow(patience=1))
    assert override(PLAN, "way", '{"kind": "Fast", "speed": 2}').way == Fast(speed=2.0)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("stepz", "1", "Plan has no 'stepz'; it has steps, rate"),
        ("way.speed", "1", "Slow has no 'speed'; it has patience"),
        ("steps", "many", "Plan.steps is 'many'; expected a whole number"),
        ("steps", "1.5", "Plan.steps is 1.5; expected a whole number"),
        ("steps", "true", "Plan.steps is True; expected a whole number"),
        ("mode", "c", "expected one of a, b"),
        ("rate.x", "1", "goes below a plain value"),
        ("ways.7.speed", "1", "expected an index from 0 to 1, got '7'"),
        ("pair", "[1]", "expected 2 items"),
    ],
)
def test_an_impossible_override_says_what_was_expected(path: str, text: str, message: str):
    with pytest.raises(ConfigError) as caught:
        override(PLAN, path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_unknown_fields_are_named():
    with pytest.raises(ConfigError, match="Plan needs steps"):
        from_json(Plan, {"rate": 1.0})
    with pytest.raises(ConfigError, match="Plan has no 'step'"):
        from_json(Plan, {"steps": 1, "step": 2})


def test_equal_descriptions_and_only_those_share_a_fingerprint():
    assert fingerprint(PLAN) == fingerprint(from_json(Plan, to_json(PLAN)))
    assert fingerprint(PLAN) != fingerprint(override(PLAN, "rate", "0.002"))
    assert fingerprint(Fast()) != fingerprint(Slow())
    assert len(fingerprint(PLAN)) == 12
