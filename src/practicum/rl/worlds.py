"""An environment with numbered states, one step at a time, for learners of tables.

Two ways to step through one: the environment itself, or a copy of its table of transitions in plain
lists, which draws from the same probabilities several times as fast.
"""

import math
import random
from bisect import bisect_right
from itertools import accumulate
from typing import Any, Protocol

import gymnasium

from practicum.errors import ConfigError, TrainingError
from practicum.rl.bins import Bins
from practicum.rl.environments import (
    Choices,
    Environment,
    Observations,
    actions_of,
    name_of,
    observations_of,
)
from practicum.rl.planning import Transitions, is_drawn_from_its_table, transitions_of

Numbers = Observations | Bins  # what gives encoded observations their numbers


class World(Protocol):
    """States 0 … `states` − 1, actions 0 … `actions` − 1."""

    @property
    def states(self) -> int: ...
    @property
    def actions(self) -> int: ...
    @property
    def numbers(self) -> Numbers: ...

    def reset(self, seed: int) -> int:
        """The first state of a new episode, all of whose draws are named by `seed`."""
        ...

    def step(self, action: int) -> tuple[int, float, bool, bool]:
        """(next state, reward, terminated, truncated); never both of the last two."""
        ...

    def close(self) -> None:
        """Let go of whatever the world holds."""
        ...


def world_of(environment: Environment, bins: Bins | None = None) -> World:
    """`environment` with numbered states: from its table of transitions where that says all.

    Raises ConfigError for actions that are not discrete, and for observations that are not unless
    `bins` number them.
    """
    env = environment.make()
    actions, seen = actions_of(env), observations_of(env)
    if not isinstance(actions, Choices):
        raise ConfigError(
            f"a table needs Discrete actions; {name_of(env)} takes {env.action_space}"
        )
    if bins is None and seen.states is None:
        raise ConfigError(
            f"a table needs discrete observations; {name_of(env)} shows {seen.space}: "
            "give bins=Bins(low=…, high=…, counts=…)"
        )
    if bins is None and is_drawn_from_its_table(env):
        env.close()
        return TableWorld(transitions_of(env), limit_of(env), seen)
    return SteppedWorld(env, actions, seen, bins)


def limit_of(env: gymnasium.Env) -> int | None:
    """After how many steps a wrapper truncates an episode of `env`; None: never."""
    limits = []
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, gymnasium.wrappers.TimeLimit):
            limits.append(env._max_episode_steps)
        env = env.env
    return min(limits, default=None)


class TableWorld:
    """Draws from a copy of the transitions."""

    def __init__(self, table: Transitions, limit: int | None, numbers: Observations) -> None:
        self.states, self.actions = table.states, table.actions
        self.numbers: Numbers = numbers
        self.limit = limit
        self.first = list(accumulate(table.start.tolist()))
        self.until = [[_cumulative(p) for p in row] for row in table.probability.tolist()]
        parts = (table.following, table.reward, table.terminated)
        self.outcomes = [
            [list(zip(*action, strict=True)) for action in zip(*state, strict=True)]
            for state in zip(*(part.tolist() for part in parts), strict=True)
        ]
        self.state = self.taken = 0

    def reset(self, seed: int) -> int:
        self.draw = random.Random(seed).random
        self.taken = 0
        self.state = _drawn(self.first, self.draw())
        return self.state

    def step(self, action: int) -> tuple[int, float, bool, bool]:
        until = self.until[self.state][action]
        drawn = 0 if len(until) == 1 else _drawn(until, self.draw())
        self.state, reward, terminated = self.outcomes[self.state][action][drawn]
        self.taken += 1
        return self.state, reward, terminated, self.taken == self.limit and not terminated

    def close(self) -> None:
        """Nothing is held."""


class SteppedWorld:
    """Steps the environment itself and numbers what it shows."""

    def __init__(
        self, env: gymnasium.Env, actions: Choices, seen: Observations, bins: Bins | None
    ) -> None:
        self.env, self.seen, self.start = env, seen, actions.start
        self.numbers: Numbers = seen if bins is None else bins
        self.states, self.actions = self.numbers.states or 0, actions.count

    def reset(self, seed: int) -> int:
        return self._number(self.env.reset(seed=seed)[0])

    def step(self, action: int) -> tuple[int, float, bool, bool]:
        observation, reward, terminated, truncated, _ = self.env.step(action + self.start)
        if not math.isfinite(reward):
            raise TrainingError(
                f"{name_of(self.env)} gave a reward of {reward}; expected finite numbers"
            )
        over = bool(terminated)
        return self._number(observation), float(reward), over, bool(truncated) and not over

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def _number(self, observation: Any) -> int:
        return int(self.numbers.states_of(self.seen.encode(observation)[None])[0])


def _cumulative(probability: list[float]) -> list[float]:
    """Where each outcome ends on the way from 0 to 1; outcomes of probability 0 at the end cut."""
    while len(probability) > 1 and probability[-1] == 0.0:
        probability = probability[:-1]
    return list(accumulate(probability))


def _drawn(until: list[float], draw: float) -> int:
    """The first outcome that ends above `draw`; rounding may leave the last one short of 1."""
    return min(bisect_right(until, draw), len(until) - 1)
