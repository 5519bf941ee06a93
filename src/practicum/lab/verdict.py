"""From numbers to a verdict: each claim *holds*, *fails*, is *open*, or *invalid*.

A claim's value is computed for every seed, all arms of the seed together, and Student's interval of
the values is laid against the threshold: on the good side the claim holds, on the other it fails,
across it is open. One seed has no interval and stays open. A claim is invalid when a validity rule
declared before the runs was not met at some seed, or when a number it needs is missing.
The page is as bad as its worst claim, in the order invalid, fails, open, holds.
"""

from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from practicum.config import from_json, to_json
from practicum.errors import ConfigError
from practicum.lab.intervals import CONFIDENCE, t_interval
from practicum.lab.paper import Bound, Claim, Paper, Results, Rule, Unmeasured, Validity, said
from practicum.lab.rows import Origin, Rows, finite

State = Literal["holds", "fails", "open", "invalid"]
WORST_FIRST: tuple[State, ...] = ("invalid", "fails", "open", "holds")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One claim or validity rule, judged."""

    text: str
    source: str
    state: State
    reason: str  # why it is open or invalid; empty when the interval says all
    bound: Bound
    values: tuple[float | None, ...]  # one per seed; None where it could not be computed
    mean: float | None
    interval: tuple[float, float] | None  # both ends included


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came out of a study. Equal whenever it is computed from the same rows."""

    origin: Origin
    state: State
    reason: str
    seeds: tuple[int, ...]
    confidence: float
    claims: tuple[Finding, ...]
    validity: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return to_json(self)


def verdict_from_json(data: Any) -> Verdict:
    """The verdict that `Verdict.to_json` wrote."""
    return from_json(Verdict, data)


def judge(paper: Paper, rows: Rows) -> Verdict:
    """The verdict on `paper` from stored rows alone.

    Raises UnknownName when a claim asks for an arm or a metric that does not exist at all.
    """
    if not rows.seeds:
        raise ConfigError("a verdict needs the runs of at least one seed; got none")
    views = [Results(rows, seed) for seed in rows.seeds]
    validity = tuple(_check(rule, views, rows.seeds) for rule in paper.validity)
    broken = [f"{finding.text}: {finding.reason}" for finding in validity if finding.reason]
    claims = tuple(
        _weigh(claim, views, rows.seeds, broken[0] if broken else "") for claim in paper.claims
    )
    missing = [
        f"arm '{run.arm}' at seed {run.seed} {said(run.state, run.error)}" for run in rows.failures
    ]
    states: set[State] = {claim.state for claim in claims}
    states |= {"invalid"} if broken or missing else set()
    state: State = next(state for state in WORST_FIRST if state in states)
    because = [claim.reason for claim in claims if claim.state == state and claim.reason]
    return Verdict(
        origin=rows.origin,
        state=state,
        reason=next(iter([*broken, *missing, *because]), ""),
        seeds=rows.seeds,
        confidence=CONFIDENCE,
        claims=claims,
        validity=validity,
    )


def _weigh(claim: Claim, views: list[Results], seeds: tuple[int, ...], broken: str) -> Finding:
    values, problem = _values(claim, views, seeds)
    known = [value for value in values if value is not None]
    interval = t_interval(known) if len(known) == len(seeds) else None
    if broken or problem:
        return _finding(claim, "invalid", broken or problem, values, interval)
    if interval is None:
        reason = f"one seed has no interval; its value is {known[0]:.4g}, asked {claim.bound}"
        return _finding(claim, "open", reason, values, None)
    sides = {claim.bound.admits(end) for end in interval}
    if len(sides) == 2:
        reason = f"the interval {interval[0]:.4g} … {interval[1]:.4g} lies across {claim.bound}"
        return _finding(claim, "open", reason, values, interval)
    return _finding(claim, "holds" if sides == {True} else "fails", "", values, interval)


def _check(rule: Validity, views: list[Results], seeds: tuple[int, ...]) -> Finding:
    """A validity rule: *holds* when every seed meets it, else *invalid* with the first reason."""
    values, problem = _values(rule, views, seeds)
    for seed, value in zip(seeds, values, strict=True):
        if not problem and value is not None and not rule.bound.admits(value):
            problem = f"{value:.4g} at seed {seed}, asked {rule.bound}"
    known = [value for value in values if value is not None]
    interval = t_interval(known) if len(known) == len(seeds) else None
    return _finding(rule, "invalid" if problem else "holds", problem, values, interval)


def _values(
    rule: Rule, views: list[Results], seeds: tuple[int, ...]
) -> tuple[tuple[float | None, ...], str]:
    """The rule's value at each seed, and what went wrong first."""
    values: list[float | None] = []
    problems = []
    for seed, view in zip(seeds, views, strict=True):
        try:
            value = float(rule.value(view))
        except (Unmeasured, ArithmeticError, ValueError) as problem:  # 0/0, log of 0: no value
            values.append(None)
            known = isinstance(problem, Unmeasured)
            problems.append(str(problem) if known else f"no value at seed {seed}: {problem}")
            continue
        values.append(finite(value))
        if values[-1] is None:
            problems.append(f"its value at seed {seed} is {value}")
    return tuple(values), next(iter(problems), "")


def _finding(
    rule: Rule,
    state: State,
    reason: str,
    values: tuple[float | None, ...],
    interval: tuple[float, float] | None,
) -> Finding:
    known = [value for value in values if value is not None]
    return Finding(
        text=rule.text,
        source=rule.source,
        state=state,
        reason=reason,
        bound=rule.bound,
        values=values,
        mean=fmean(known) if known else None,
        interval=interval,
    )
