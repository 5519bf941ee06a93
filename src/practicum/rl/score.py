"""How good an actor is: the returns of whole episodes, without exploration, from fixed seeds.

The return is the plain sum of rewards, G = Σ R, whatever discount the learner used. One episode is
played for each seed, and all of them side by side, so that a network answers for many at once. The
interval is the bootstrap's: it speaks of the episodes of this one actor, not of training it again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from practicum.errors import ConfigError, TrainingError
from practicum.lab.intervals import bootstrap_interval
from practicum.rl.agent import Actor
from practicum.rl.environments import Environment, actions_of, observations_of
from practicum.seeding import derive

SEEDS = tuple(range(20))  # training never meets them: its own are derived numbers
LIMIT = 1000  # steps after which an episode is cut where the environment has no limit of its own


@dataclass(frozen=True, kw_only=True)
class Score:
    """Returns and lengths of the episodes, in the order of their seeds."""

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    cut: int  # episodes that had no end within the limit: what followed is not counted

    @property
    def mean(self) -> float:
        """The mean return."""
        return fmean(self.returns)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The bootstrapped 95 % interval of the mean; None of a single episode."""
        generator = np.random.default_rng(derive(0, "bootstrap"))  # a property of the returns alone
        return bootstrap_interval(self.returns, generator=generator)


def score(
    actor: Actor,
    environment: Environment,
    seeds: Sequence[int] = SEEDS,
    *,
    limit: int | None = None,
) -> Score:
    """One episode of `actor` for each of `seeds`, cut after `limit` steps.

    The default limit is the environment's own, or 1000 where it has none.
    Raises TrainingError for a reward that is not a finite number.
    """
    if not seeds:
        raise ConfigError("a score needs at least one seed; got none")
    games = [_Game(environment, seed) for seed in seeds]
    longest = limit or _own_limit(games[0].env)
    actions = actions_of(games[0].env)
    for _ in range(longest):
        going = [game for game in games if not game.over]
        if not going:
            break
        chosen = actor.act(np.stack([game.observation for game in going]))
        for game, action in zip(going, actions.for_environment(chosen), strict=True):
            game.step(action)
    for game in games:
        game.env.close()
    return Score(
        returns=tuple(game.total for game in games),
        lengths=tuple(game.length for game in games),
        cut=sum(not game.over for game in games),
    )


def _own_limit(env: Any) -> int:
    return (env.spec.max_episode_steps if env.spec is not None else None) or LIMIT


class _Game:
    """One episode that is going on."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.env = environment.make()
        self.seen = observations_of(self.env)
        self.observation = self.seen.encode(self.env.reset(seed=seed)[0])
        self.total, self.length, self.over = 0.0, 0, False
        self.seed, self.id = seed, environment.id

    def step(self, action: Any) -> None:
        observation, reward, terminated, truncated, _ = self.env.step(action)
        self.observation = self.seen.encode(observation)
        self.length += 1
        self.total += float(reward)
        self.over = bool(terminated or truncated)
        if not math.isfinite(self.total):
            raise TrainingError(
                f"{self.id} gave a reward of {reward} in step {self.length} of the episode from "
                f"seed {self.seed}; expected finite numbers"
            )
