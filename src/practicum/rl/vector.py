"""Several copies of one environment, stepped together in this process.

What differs from Gymnasium's own vectors, and why: the true next observation of a finished episode
is returned by `step`, apart from the first observation of the next episode, so that neither can
stand in a buffer for the other; `terminated` (the world ended: its future is worth nothing) and
`truncated` (someone stopped watching: it is worth what it was) stay two arrays; and every episode
has its own derived seed, so that a position is the actions of the episodes going on, and seeking
plays them again. Nothing is ever pickled. An episode that never ends therefore makes positions
grow and seeking slow.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from practicum.config import fingerprint, to_json
from practicum.errors import CheckpointError, ConfigError, TrainingError
from practicum.rl.environments import Environment, actions_of, observations_of
from practicum.seeding import derive


class Finished(NamedTuple):
    """An episode that ended at this step: which copy's, its undiscounted return, its steps."""

    copy: int
    total: float
    length: int


class Step(NamedTuple):
    """What came of one action in every copy."""

    observations: np.ndarray  # (count, *shape): the true next ones, before any reset
    rewards: np.ndarray  # (count,) float32
    terminated: np.ndarray  # (count,) bool: the episode ended by the rules of the world
    truncated: np.ndarray  # (count,) bool: it was cut, as by a time limit; never also terminated
    finished: list[Finished]


class Vector:
    """`count` copies of `environment`; episode e of copy i is reset with a seed named by (i, e).

    `observations` (count, *shape) are those the next actions answer to: after a step that ended an
    episode, the first of that copy's next one. See `Observations` for their form. Arrays handed
    out are never written to again.
    """

    def __init__(self, environment: Environment, count: int, *, seed: int) -> None:
        if count < 1:
            raise ConfigError(f"{count} copies of an environment; expected at least 1")
        self.environment, self.count, self.seed = environment, count, seed
        self._copies = [_Copy(environment, seed, number) for number in range(count)]
        self.actions = actions_of(self._copies[0].env)
        self.seen = observations_of(self._copies[0].env)
        self.observations = np.stack([self._first(copy) for copy in self._copies])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one observation."""
        return self.seen.shape

    def step(self, actions: np.ndarray, only: Sequence[int] | None = None) -> Step:
        """One action in each copy: whole numbers (count,), or rows of real ones.

        With `only`, the numbers of some copies in order, just those move: `actions` and the arrays
        of the answer have a row for each of them, and the others stand where they stood.

        Raises TrainingError for a reward or an observation that is not a finite number.
        """
        copies = self._copies if only is None else [self._copies[number] for number in only]
        observations = np.empty((len(copies), *self.shape), self.seen.dtype)
        rewards = np.empty(len(copies), np.float32)
        terminated, truncated = np.zeros(len(copies), bool), np.zeros(len(copies), bool)
        ended: list[_Copy] = []
        encode = None if isinstance(self.seen.space, gymnasium.spaces.Box) else self.seen.encode
        taken = self.actions.for_environment(actions)
        for i, (copy, action) in enumerate(zip(copies, taken, strict=True)):
            observation, reward, dead, cut, _ = copy.env.step(action)
            observations[i] = observation if encode is None else encode(observation)
            rewards[i] = reward = float(reward)
            copy.taken.append(action)
            copy.total += reward
            if dead or cut:
                terminated[i], truncated[i] = dead, cut and not dead
                ended.append(copy)
        self._check(copies, rewards, "a reward")
        self._check(copies, observations, "an observation")
        finished = [Finished(copy.number, copy.total, len(copy.taken)) for copy in ended]
        if only is not None:
            self.observations = self.observations.copy()
            self.observations[list(only)] = observations
        else:
            self.observations = observations.copy() if ended else observations
        for copy in ended:
            copy.episode += 1
            self.observations[copy.number] = self._first(copy)
        return Step(observations, rewards, terminated, truncated, finished)

    def position(self) -> dict[str, Any]:
        """Where all copies stand, as JSON data: episode numbers, and actions taken in them."""
        return {
            "environment": fingerprint(to_json(self.environment)),
            "seed": self.seed,
            "episodes": [copy.episode for copy in self._copies],
            "actions": [[_record(action) for action in copy.taken] for copy in self._copies],
            "digests": [_digest(row) for row in self.observations],
        }

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken, by playing each episode again from its seed.

        Raises CheckpointError for a position of other copies, and where the environment, played
        again, shows something else.
        """
        episodes = position["episodes"]
        if position["environment"] != fingerprint(to_json(self.environment)):
            raise CheckpointError(
                f"the checkpoint is of another environment than {self.environment.id} with these "
                "options; go on with the same one, or start afresh"
            )
        if len(episodes) != self.count or position["seed"] != self.seed:
            raise CheckpointError(
                f"the checkpoint has {len(episodes)} copies of seed {position['seed']}, this run "
                f"{self.count} of seed {self.seed}; go on with the same ones, or start afresh"
            )
        rows = []
        for copy, episode, actions in zip(self._copies, episodes, position["actions"], strict=True):
            copy.episode = episode
            rows.append(self._again(copy, actions))
        self.observations = np.stack(rows)
        for number, row in enumerate(rows):
            if _digest(row) != position["digests"][number]:
                raise self._unsteady(number, "shows something else")

    def close(self) -> None:
        """Let go of windows and whatever else the copies hold."""
        for copy in self._copies:
            copy.env.close()

    def _first(self, copy: "_Copy") -> np.ndarray:
        """The first observation of the episode that `copy.episode` numbers."""
        seed = derive(self.seed, "episode", copy.number, copy.episode) % 2**31  # fits any generator
        observation, _ = copy.env.reset(seed=seed)
        copy.taken, copy.total = [], 0.0
        row = self.seen.encode(observation)
        if row.shape != self.seen.shape:
            raise ConfigError(
                f"{self.environment.id} shows an observation of shape {row.shape}; its own "
                f"observation_space says {self.seen.shape}"
            )
        if not np.isfinite(row).all():
            raise self._not_finite("an observation", row, copy)
        return row

    def _again(self, copy: "_Copy", actions: list[Any]) -> np.ndarray:
        row = self._first(copy)
        for action in map(self.actions.from_record, actions):
            observation, reward, dead, cut, _ = copy.env.step(action)
            if dead or cut:
                raise self._unsteady(copy.number, "ended earlier")
            copy.taken.append(action)
            copy.total += float(reward)
            row = self.seen.encode(observation)
        return row

    def _unsteady(self, number: int, what: str) -> CheckpointError:
        return CheckpointError(
            f"cannot go on: the same actions from the same seed, copy {number} of "
            f"{self.environment.id} {what}; it must draw from self.np_random alone, or start afresh"
        )

    def _check(self, copies: list["_Copy"], values: np.ndarray, what: str) -> None:
        if values.dtype == np.uint8 or np.isfinite(values).all():
            return
        for copy, value in zip(copies, values[:, None], strict=True):
            if not np.isfinite(value).all():
                raise self._not_finite(what, value, copy)

    def _not_finite(self, what: str, value: np.ndarray, copy: "_Copy") -> TrainingError:
        shown = value[~np.isfinite(value)][0].item()
        return TrainingError(
            f"{self.environment.id} gave {what} of {shown} in copy {copy.number}, episode "
            f"{copy.episode}, step {len(copy.taken)}; expected finite numbers"
        )


class _Copy:
    """One copy: its world, the number of its episode, and what has been done in it so far."""

    def __init__(self, environment: Environment, seed: int, number: int) -> None:
        self.env, self.number = environment.make(), number
        self.episode, self.total = 0, 0.0
        self.taken: list[Any] = []


def _record(action: Any) -> Any:
    return action.tolist() if isinstance(action, np.ndarray) else action


def _digest(row: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest()[:16]
