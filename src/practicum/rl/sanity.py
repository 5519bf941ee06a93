"""Is this environment one that can be learned from? Looked at before any time is spent on learning.

The checks need no learner: spaces and contract of `reset` and `step`, one seed one episode, finite
rewards and observations, episodes that end, and what the actors that learn nothing are given. What
cannot be worked with is an error, what makes learning hard or a run unrepeatable a warning. Whether
the task is the intended one is not tried.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import gymnasium

from practicum import events
from practicum.errors import ConfigError
from practicum.rl.controls import Always, AtRandom, constants
from practicum.rl.environments import Choices, Environment, actions_of, observations_of
from practicum.rl.score import SEEDS, Score, score
from practicum.rl.trial import Trial, UnfitEnvironment, explaining, source_of
from practicum.seeding import derive

Severity = Literal["fine", "warning", "error"]
PATIENCE = 10_000  # random steps within which some episode has to end
COMPARED = 50  # steps in which two copies from one seed are compared
MANY = 1e3  # a reward beyond it makes gradients that ordinary rates do not suit


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check saw."""

    check: str
    severity: Severity
    text: str


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """All that was found, and the scores that learning has to beat; none after an error."""

    environment: Environment
    findings: tuple[Finding, ...]
    random: Score | None = None
    constant: Score | None = None  # of the best constant action
    constant_name: str = ""  # such as "always 1"

    def refuse(self) -> None:
        """Raises UnfitEnvironment with the first error, if there is one."""
        for finding in self.findings:
            if finding.severity == "error":
                raise UnfitEnvironment(finding.text)


def preflight(
    environment: Environment,
    *,
    seed: int = 0,
    patience: int = PATIENCE,
    episodes: int = len(SEEDS),
    limit: int | None = None,
) -> Preflight:
    """What a few thousand steps at random tell of `environment`; checking stops at an error.

    Raises UnknownName where there is no such environment at all.
    """
    findings: list[Finding] = []
    try:
        with closing(Trial(environment, seed)) as trial:
            findings.append(_spaces(trial.env))
            source = source_of(trial.env)
        findings.append(_one_seed_one_episode(environment, seed))
        findings += _random_play(environment, seed, patience)
        with explaining("an episode", environment.id, file=source):
            random, constant, name = _baselines(environment, seed, episodes, limit)
    except (UnfitEnvironment, ConfigError) as problem:  # the latter for spaces nobody acts in
        findings.append(Finding(check="fitness", severity="error", text=str(problem)))
        return Preflight(environment=environment, findings=tuple(findings))
    return Preflight(
        environment=environment,
        findings=tuple(findings),
        random=random,
        constant=constant,
        constant_name=name,
    )


def _spaces(env: gymnasium.Env) -> Finding:
    actions, seen = actions_of(env), observations_of(env)
    discrete = isinstance(actions, Choices)
    text = f"{actions.count} actions" if discrete else f"real actions of shape {actions.shape}"
    text += f"; {seen.states:,} states" if seen.states else f"; observations of shape {seen.shape}"
    fit = "values, policies and both" if discrete else "policies and both, not of values alone"
    return Finding(check="spaces", severity="fine", text=f"{text}: learners of {fit}")


def _one_seed_one_episode(environment: Environment, seed: int) -> Finding:
    """Two copies, one seed, the same actions: everything shown has to be the same."""
    with closing(Trial(environment, seed)) as first, closing(Trial(environment, seed)) as second:
        for step in range(COMPARED):
            if not first.same_as(second):
                text = (
                    f"the same seed and actions give something else at step {step}: what is drawn "
                    "must come from self.np_random, else no run can be repeated or resumed"
                )
                return Finding(check="seed", severity="warning", text=text)
            action = first.draw()
            first.step(action)
            second.step(action)
    return Finding(check="seed", severity="fine", text="one seed gives one episode")


def _random_play(environment: Environment, seed: int, patience: int) -> list[Finding]:
    outside = 0
    with closing(Trial(environment, derive(seed, "random play") % 2**31)) as walk:
        while walk.steps < patience and walk.ended < 100:
            walk.step(walk.draw())
            outside += not walk.env.observation_space.contains(walk.observation)
            if walk.steps % 100 == 0:
                _tell(walk, patience)
    _tell(walk, walk.steps)
    if not walk.ended:
        raise UnfitEnvironment(
            f"no episode of {environment.id} ended in {patience:,} random steps, neither "
            "terminated nor truncated; give it a limit of steps (--limit, or max_episode_steps)"
        )
    return [_rewards(walk), _observations(walk, outside), _ending(walk)]


def _tell(walk: Trial, total: int) -> None:
    done, what = walk.steps, f"looking at {walk.id}"
    events.emit(events.Progress(task=what, done=done, total=total, unit="random steps"))


def _rewards(walk: Trial) -> Finding:
    low, high = walk.lowest, walk.highest
    span = f"between {low:.4g} and {high:.4g}" if low < high else f"always {low:.4g}"
    text = f"{span} in {walk.steps:,} random steps"
    severity: Severity = "warning"
    if low == high and (low == 0 or not walk.terminated):
        text += ", whatever was done: learning starts only when chance finds something else"
    elif max(abs(low), abs(high)) > MANY:
        text += ": networks learn such values badly; divide them"
    else:
        severity = "fine"
    return Finding(check="rewards", severity=severity, text=text)


def _observations(walk: "Trial", outside: int) -> Finding:
    if outside:
        text = (
            f"{outside:,} of {walk.steps:,} observations lie outside {walk.env.observation_space}, "
            "by their values, shape or type"
        )
        return Finding(check="observations", severity="warning", text=text)
    return Finding(check="observations", severity="fine", text="finite, and within their space")


def _ending(walk: "Trial") -> Finding:
    length = walk.steps / walk.ended
    text = (
        f"{walk.ended} random episodes of about {length:,.0f} steps: "
        f"{walk.terminated} terminated, {walk.ended - walk.terminated} truncated"
    )
    return Finding(check="endings", severity="fine", text=text)


def _baselines(
    environment: Environment, seed: int, episodes: int, limit: int | None
) -> tuple[Score, Score, str]:
    """Scores of chance and of the best constant action, which is chosen on other episodes."""
    seeds = range(episodes)
    random = score(AtRandom(environment, seed=seed), environment, seeds, limit=limit)
    trial = [derive(seed, "constant", n) % 2**31 for n in range(5)]

    def tried(constant: Always) -> float:
        return score(constant, environment, trial, limit=limit).mean

    best = max(constants(environment), key=tried)
    return random, score(best, environment, seeds, limit=limit), str(best)
