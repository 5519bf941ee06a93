"""Rollouts: stretches of fixed length that a policy acted, in all copies at once, as a source.

The policy draws from its own scores, and all the chance of one rollout is drawn at once from a
stream named by the rollout's number. So where the source stands is that number, and where the
copies stand.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from practicum import events
from practicum.errors import ConfigError
from practicum.models.action_heads import Categorical, Gaussian, Head
from practicum.models.agents import Policy, PolicyModel
from practicum.models.trunks import Trunk
from practicum.rl.environments import Choices
from practicum.rl.vector import Finished, Vector
from practicum.seeding import derive

POINTS = 200  # of a curve of returns, at most


@dataclass(frozen=True)
class Rollout:
    """What was seen, done and given in `length` steps of each of n copies."""

    observations: np.ndarray  # (t + 1, n, *shape): row t answers to action t; the last, to none yet
    actions: np.ndarray  # (t, n) numbers or (t, n, size) reals
    rewards: np.ndarray  # (t, n)
    terminated: np.ndarray  # (t, n) bool
    truncated: np.ndarray  # (t, n) bool
    cut: np.ndarray  # (k, *shape): true next observations of the k truncated steps, row by row


class Rollouts:
    """Rollouts of `model` in `vector`, each of `length` steps a copy, until `steps` were done.

    `steps` count the environment steps of all copies together; there is at least one rollout.
    Emits the metric `return` as episodes finish (see `Tally`).
    """

    def __init__(
        self, vector: Vector, model: PolicyModel, *, length: int, steps: int, seed: int
    ) -> None:
        self.vector, self.model, self.length, self.seed = vector, model, length, seed
        self.head, self.read = model.description.head, model.reader()
        self.count = updates_within(steps, length * vector.count)
        self.done = 0  # rollouts
        self.tally = Tally(steps)

    def __next__(self) -> list[Rollout]:
        if self.done >= self.count:
            raise StopIteration
        vector = self.vector
        noise = self.head.noise(
            np.random.default_rng(derive(self.seed, "act", self.done)), (self.length, vector.count)
        )
        observations, actions, steps = [vector.observations], [], []
        for chance in noise:
            action = self.head.sample(self.read(vector.observations), chance)
            step = vector.step(action)
            actions.append(action)
            steps.append(step)
            observations.append(vector.observations)
            self.tally.add(step.finished)
        self.done += 1
        self.tally.tell(self.done * self.length * vector.count)
        truncated = np.array([step.truncated for step in steps])
        cut = [step.observations[step.truncated] for step in steps] if truncated.any() else []
        rollout = Rollout(
            observations=np.array(observations),
            actions=np.array(actions),
            rewards=np.array([step.rewards for step in steps]),
            terminated=np.array([step.terminated for step in steps]),
            truncated=truncated,
            cut=np.concatenate(cut) if cut else observations[0][:0],
        )
        return [rollout]

    def position(self) -> dict[str, Any]:
        """Where the source stands, as JSON data."""
        return {
            "rollouts": self.done,
            "tally": self.tally.position(),
            "vector": self.vector.position(),
        }

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken. Raises CheckpointError as `Vector.seek` does."""
        self.vector.seek(position["vector"])
        self.tally.seek(position["tally"])
        self.done = int(position["rollouts"])


class Tally:
    """Returns of finished episodes, told as the metric `return`, a mean over those since last time.

    A curve has some two hundred points at most; its axis is environment steps.
    """

    def __init__(self, steps: int) -> None:
        self.every = steps / POINTS
        self._total, self._count, self._told = 0.0, 0, 0

    def add(self, finished: list[Finished]) -> None:
        """Take note of episodes that ended."""
        for end in finished:
            self._total += end.total
            self._count += 1

    def tell(self, step: int) -> None:
        """Emit a point at environment step `step`, if episodes ended and the last is old enough."""
        if not self._count or step - self._told < self.every:
            return
        events.emit(events.Metric(name="return", value=self._total / self._count, step=step))
        self._total, self._count, self._told = 0.0, 0, step

    def position(self) -> list[float]:
        """What was noted and not yet told, as JSON data."""
        return [self._total, self._count, self._told]

    def seek(self, position: list[float]) -> None:
        """Stand where `position()` was taken."""
        self._total, self._count, self._told = position[0], int(position[1]), int(position[2])


def updates_within(steps: int, each: int) -> int:
    """How many rollouts of `each` environment steps fit into `steps`. Raises ConfigError at 0."""
    if steps < each:
        raise ConfigError(f"{steps} environment steps are less than one update needs ({each})")
    return steps // each


def policy_for(vector: Vector, trunk: Trunk, *, baseline: bool, shared: bool = False) -> Policy:
    """The description of a policy that sees and acts as the copies of `vector` want it."""
    head: Head
    if isinstance(vector.actions, Choices):
        head = Categorical(choices=vector.actions.count)
    else:
        head = Gaussian(size=int(np.prod(vector.actions.shape)))
    return Policy(shape=vector.shape, head=head, trunk=trunk, baseline=baseline, shared=shared)
