"""Actors that learn nothing: what a score has to be compared with before it means anything."""

from typing import final

import numpy as np

from practicum.rl.environments import Choices, Environment, Reals, actions_of
from practicum.seeding import derive

MOST_CONSTANTS = 12  # of an environment with more actions, only the first so many are tried


@final
class AtRandom:
    """Every action as likely as any other, whatever is seen; bounded real ones evenly."""

    def __init__(self, environment: Environment, *, seed: int) -> None:
        env = environment.make()
        self._actions, self._space = actions_of(env), env.action_space
        self._space.seed(derive(seed, "at random") % 2**31)
        env.close()

    def act(self, observations: np.ndarray) -> np.ndarray:
        """One action for each row of `observations`."""
        start = self._actions.start if isinstance(self._actions, Choices) else 0
        return np.stack([np.asarray(self._space.sample()) - start for _ in observations])


@final
class Always:
    """The same action, whatever is seen."""

    def __init__(self, action: int | np.ndarray) -> None:
        self.action = action

    def act(self, observations: np.ndarray) -> np.ndarray:
        """One action for each row of `observations`."""
        return np.stack([np.asarray(self.action)] * len(observations))

    def __str__(self) -> str:
        if isinstance(self.action, int):
            return f"always {self.action}"
        return f"always {np.array2string(self.action, precision=3, separator=', ')}"


def constants(environment: Environment) -> list[Always]:
    """Every action; of real ones the lowest, the middle and the highest, zero where unbounded."""
    env = environment.make()
    actions = actions_of(env)
    env.close()
    match actions:
        case Choices(count=count):
            return [Always(action) for action in range(min(count, MOST_CONSTANTS))]
        case Reals(space=space):
            low = np.where(space.bounded_below, space.low, 0.0).astype(space.dtype)
            high = np.where(space.bounded_above, space.high, 0.0).astype(space.dtype)
            middle = ((low + high) / 2).astype(space.dtype)
            return [Always(action) for action in (low, middle, high)]
