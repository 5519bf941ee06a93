"""REINFORCE (Williams 1992): the gradient of the expected return, from whole episodes.

    ∇J = E[Σ_t ∇ log π(a_t|s_t) (G_t − b(s_t))],    G_t = Σ_k γ^k r_{t+k}

G_t counts the rewards that follow a_t only ("to go"). The baseline b takes no part in the mean, but
much of the variance: `Raw` has none, `Normalised` takes the returns of one update to mean 0 and
deviation 1, `Learned` is a network V(s) that is trained on the same returns.

Each copy of the environment plays one episode to its end for every update: taking whichever ends
first would prefer short ones. An episode that was cut goes on being worth V of what came next,
where there is a V; without one it ends there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from practicum.errors import ConfigError, TrainingError
from practicum.models.agents import PolicyModel
from practicum.models.build import build
from practicum.models.trunks import Dense, Trunk
from practicum.objectives.objective import Loss, TensorBatch
from practicum.rl.actor_critic import check, normalised
from practicum.rl.advantage import rewards_to_go
from practicum.rl.agent import Agent
from practicum.rl.environments import Environment
from practicum.rl.policy_gradient import policy_loss
from practicum.rl.rollouts import Tally, policy_for
from practicum.rl.taught import ADAM, SILENT, taught
from practicum.rl.vector import Vector
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import Watch
from practicum.training.optimiser import Optimiser
from practicum.training.schedules import Constant

STRETCH = 64  # steps whose chance is drawn at once


@dataclass(frozen=True, kw_only=True)
class Raw:
    """b = 0."""


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """(G − mean)/deviation, over all steps of an update."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """b = V(s), trained by `weight` (V − G)²."""

    weight: float = 0.5


Baseline = Raw | Normalised | Learned


@dataclass(frozen=True)
class EpisodesBatch(TensorBatch):
    """One episode of each copy. Step t of copy n was played where `played` says so.

    `seen` holds what was acted on in the order of `played`, then what followed the cut episodes.
    """

    seen: Shaped[Tensor, "s ..."]
    actions: Shaped[Tensor, "b ..."]
    rewards: Float[np.ndarray, "t n"]
    played: Bool[np.ndarray, "t n"]
    truncated: Bool[np.ndarray, "t n"]

    @property
    def count(self) -> int:
        return len(self.actions)

    @property
    def tokens(self) -> int:
        """Environment steps."""
        return len(self.actions)


@dataclass(frozen=True, kw_only=True)
class PolicyGradient:
    """−Σ log π(a|s) (G − b) over all steps, with the loss of the baseline and an entropy bonus."""

    discount: float
    baseline: Baseline
    entropy_weight: float = 0.0

    def prepare(self, examples: Sequence[EpisodesBatch], generator: torch.Generator) -> Any:
        """The one batch there is; nothing is drawn."""
        (batch,) = examples
        return batch

    def loss(self, model: PolicyModel, batch: EpisodesBatch) -> Loss:
        count, head = batch.count, model.description.head
        values = model.values(batch.seen) if isinstance(self.baseline, Learned) else None
        returns = self.returns(batch, values).to(batch.seen.device)
        scores = model.scores(batch.seen[:count])
        weights = self.weights(returns, values)
        total = policy_loss(
            head, scores, batch.actions, weights, entropy_weight=self.entropy_weight
        )
        if values is not None and isinstance(self.baseline, Learned):
            total = total + self.baseline.weight * (values[:count] - returns).square().sum()
        return Loss(total, count)

    def returns(
        self, batch: EpisodesBatch, values: Float[Tensor, " s"] | None
    ) -> Float[Tensor, " b"]:
        """G of every step, in the order of `actions`."""
        rewards = batch.rewards
        if values is not None and batch.truncated.any():
            rewards = rewards.copy()
            rewards[batch.truncated] += self.discount * values.detach().cpu().numpy()[batch.count :]
        going = np.zeros_like(batch.played)  # what was not played is worth 0 by itself
        grid = rewards_to_go(rewards, going, discount=self.discount)
        return torch.from_numpy(grid[batch.played])

    def weights(
        self, returns: Float[Tensor, " b"], values: Float[Tensor, " s"] | None
    ) -> Float[Tensor, " b"]:
        """G − b, the constant that each log-probability is multiplied by."""
        if values is not None:
            return returns - values.detach()[: len(returns)]
        return normalised(returns) if isinstance(self.baseline, Normalised) else returns


class Episodes:
    """Batches of whole episodes, one of each copy, until `steps` environment steps were done.

    The last batch may go beyond. Emits the metric `return`.
    """

    def __init__(self, vector: Vector, model: PolicyModel, *, steps: int, seed: int) -> None:
        self.vector, self.model, self.steps, self.seed = vector, model, steps, seed
        self.head, self.read = model.description.head, model.reader()
        self.batches, self.done = 0, 0  # done: environment steps
        self.tally = Tally(steps)

    def __next__(self) -> list[EpisodesBatch]:
        if self.done >= self.steps:
            raise StopIteration
        record = _Record(self.vector)
        going = list(range(self.vector.count))
        while going:
            chance = self._chance(record.length)[going]
            seen = self.vector.observations[going]
            actions = self.head.sample(self.read(seen), chance)
            step = self.vector.step(actions, going)
            self.tally.add(step.finished)
            going = record.add(going, seen, actions, step)
            if record.length > self.steps:
                raise TrainingError(
                    f"an episode of {self.vector.environment.id} did not end within {self.steps} "
                    "steps, and REINFORCE learns from whole ones; give max_episode_steps"
                )
        batch = record.batch()
        self.batches += 1
        self.done += batch.count
        self.tally.tell(self.done)
        return [batch]

    def _chance(self, at: int) -> np.ndarray:
        """What is random in step `at` of all copies."""
        if at % STRETCH == 0:
            names = ("act", self.batches, at // STRETCH)
            generator = np.random.default_rng(derive(self.seed, *names))
            self._drawn = self.head.noise(generator, (STRETCH, self.vector.count))
        return self._drawn[at % STRETCH]

    def position(self) -> dict[str, Any]:
        """Where the source stands, as JSON data."""
        return {
            "batches": self.batches,
            "done": self.done,
            "tally": self.tally.position(),
            "vector": self.vector.position(),
        }

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken. Raises CheckpointError as `Vector.seek` does."""
        self.vector.seek(position["vector"])
        self.tally.seek(position["tally"])
        self.batches, self.done = int(position["batches"]), int(position["done"])


class _Record:
    """What has been played of a batch of episodes so far."""

    def __init__(self, vector: Vector) -> None:
        self.count = vector.count
        self.seen: list[np.ndarray] = []
        self.actions: list[np.ndarray] = []
        self.cut: list[np.ndarray] = []
        self.rewards: list[np.ndarray] = []
        self.played: list[np.ndarray] = []
        self.truncated: list[np.ndarray] = []

    @property
    def length(self) -> int:
        return len(self.played)

    def add(self, going: list[int], seen: np.ndarray, actions: np.ndarray, step: Any) -> list[int]:
        """Take note of a step of the copies `going`. Returns those that go on."""
        rewards = np.zeros(self.count, np.float32)
        played, truncated = np.zeros(self.count, bool), np.zeros(self.count, bool)
        rewards[going], played[going], truncated[going] = step.rewards, True, step.truncated
        self.seen.append(seen)
        self.actions.append(actions)
        self.cut.append(step.observations[step.truncated])
        self.rewards.append(rewards)
        self.played.append(played)
        self.truncated.append(truncated)
        ended = step.terminated | step.truncated
        return [copy for copy, over in zip(going, ended.tolist(), strict=True) if not over]

    def batch(self) -> EpisodesBatch:
        return EpisodesBatch(
            seen=torch.from_numpy(np.concatenate([*self.seen, *self.cut])),
            actions=torch.from_numpy(np.concatenate(self.actions)),
            rewards=np.array(self.rewards),
            played=np.array(self.played),
            truncated=np.array(self.truncated),
        )


@dataclass(frozen=True, kw_only=True)
class Reinforce:
    """How to learn a policy from whole episodes, with standard values that suit CartPole."""

    episodes: int = 4  # per update, each in a copy of its own
    discount: float = 0.99
    baseline: Baseline = Learned()
    entropy_weight: float = 0.0
    rate: float = 2e-3
    optimiser: Optimiser = ADAM
    clip: float | None = None
    trunk: Trunk = Dense()
    device: str = "cpu"
    save_every: int | None = None  # updates

    def __post_init__(self) -> None:
        check(self.discount, 1.0)
        if self.episodes < 1:
            raise ConfigError(f"{self.episodes} episodes per update; expected at least 1")

    def learn(
        self, environment: Environment, *, steps: int, seed: int, watch: Watch = SILENT
    ) -> Agent:
        """An agent after `steps` environment steps, and as many more as the last episodes take.

        With `watch.folder` the same call goes on where it was interrupted, bit for bit.
        """
        vector = Vector(environment, self.episodes, seed=seed)
        learned = isinstance(self.baseline, Learned)
        model = build(policy_for(vector, self.trunk, baseline=learned), seed=seed,
                      device=self.device)  # fmt: skip
        budget = Budget(
            steps=max(1, steps // self.episodes),  # more than there will be: the source ends
            batch=self.episodes,
            rate=self.rate,
            schedule=Constant(),
            warmup=0.0,
            optimiser=self.optimiser,
            clip=self.clip,
            save_every=self.save_every,
        )
        objective = PolicyGradient(
            discount=self.discount, baseline=self.baseline, entropy_weight=self.entropy_weight
        )
        source = Episodes(vector, model, steps=steps, seed=seed)
        return taught(model, source, objective, budget, vector=vector, seed=seed, watch=watch)
