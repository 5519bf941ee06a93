"""Advantage actor-critic (A2C: Mnih et al. 2016 without the asynchrony; GAE: Schulman et al. 2016).

Copies of the environment are acted for `length` steps each; then one update on all of it:

    loss = −log π(a|s) Â + c_v (V(s) − R)² − c_e H(π(·|s)),    R = Â + V,

averaged over the steps, with Â from GAE(λ): λ = 1 is the n-step return, bootstrapped at the end of
the rollout. Â and R are constants; no gradient flows through them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from practicum.errors import ConfigError
from practicum.models.agents import PolicyModel
from practicum.models.build import build
from practicum.models.trunks import Dense, Trunk
from practicum.objectives.objective import Loss, TensorBatch
from practicum.rl.advantage import gae
from practicum.rl.agent import Agent
from practicum.rl.environments import Environment
from practicum.rl.policy_gradient import policy_loss
from practicum.rl.rollouts import POINTS, Rollout, Rollouts, policy_for, updates_within
from practicum.rl.taught import ADAM, SILENT, taught
from practicum.rl.vector import Vector
from practicum.training.budget import Budget
from practicum.training.loop import Watch
from practicum.training.optimiser import Optimiser
from practicum.training.schedules import Linear, Schedule


@dataclass(frozen=True)
class RolloutBatch(TensorBatch):
    """A rollout as the objective wants it: all observations in one tensor, for one pass.

    `seen` holds the t·n acted on, row by row, then the n after the last step, then the k cut ones.
    """

    seen: Shaped[Tensor, "s ..."]
    actions: Shaped[Tensor, "b ..."]
    rollout: Rollout

    @property
    def count(self) -> int:
        return len(self.actions)

    @property
    def tokens(self) -> int:
        """Environment steps: what the loop's speed is counted in."""
        return len(self.actions)


@dataclass(frozen=True, kw_only=True)
class AdvantageLoss:
    """The objective of the three terms, over a rollout of the present policy."""

    discount: float
    smoothing: float
    value_weight: float
    entropy_weight: float
    normalise: bool

    def prepare(self, examples: Sequence[Rollout], generator: torch.Generator) -> RolloutBatch:
        """The one rollout as tensors; nothing is drawn."""
        (rollout,) = examples
        return batch_of(rollout)

    def loss(self, model: PolicyModel, batch: RolloutBatch) -> Loss:
        count, head = batch.count, model.description.head
        values = model.values(batch.seen)
        scores = model.scores(batch.seen[:count])
        advantages, returns = estimates(
            batch.rollout, values, discount=self.discount, smoothing=self.smoothing
        )
        if self.normalise:
            advantages = normalised(advantages)
        policy = policy_loss(
            head, scores, batch.actions, advantages, entropy_weight=self.entropy_weight
        )
        value = (values[:count] - returns).square().sum()
        return Loss(policy + self.value_weight * value, count, {"policy": policy, "value": value})


def batch_of(rollout: Rollout) -> RolloutBatch:
    """`rollout` as tensors."""
    shape = rollout.observations.shape[2:]
    seen = rollout.observations.reshape(-1, *shape)
    if len(rollout.cut):
        seen = np.concatenate([seen, rollout.cut])
    actions = rollout.actions.reshape(-1, *rollout.actions.shape[2:])
    return RolloutBatch(torch.from_numpy(seen), torch.from_numpy(actions), rollout)


def estimates(
    rollout: Rollout, values: Float[Tensor, " s"], *, discount: float, smoothing: float
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Advantages and targets of V, one for each step, from V of everything in a batch's `seen`."""
    t, n = rollout.rewards.shape
    known = values.detach().cpu().numpy()
    grid = known[: (t + 1) * n].reshape(t + 1, n)
    next_values = grid[1:]
    if len(rollout.cut):
        next_values = next_values.copy()
        next_values[rollout.truncated] = known[(t + 1) * n :]
    advantages = gae(
        rollout.rewards,
        grid[:-1],
        next_values,
        rollout.terminated,
        rollout.truncated,
        discount=discount,
        smoothing=smoothing,
    )
    returns = advantages + grid[:-1]
    made = (torch.from_numpy(part.reshape(-1)).to(values.device) for part in (advantages, returns))
    return next(made), next(made)


def normalised(advantages: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Mean 0 and deviation 1 over the batch."""
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


@dataclass(frozen=True, kw_only=True)
class ActorCritic:
    """How to learn a policy and its values together, with standard values that suit CartPole."""

    copies: int = 8
    length: int = 32  # steps of each copy between two updates
    discount: float = 0.99
    smoothing: float = 0.95  # λ of GAE
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    normalise: bool = True
    rate: float = 3e-3
    schedule: Schedule = Linear()
    optimiser: Optimiser = ADAM
    clip: float | None = 0.5
    trunk: Trunk = Dense()
    shared: bool = False
    device: str = "cpu"
    save_every: int | None = None  # updates

    def __post_init__(self) -> None:
        check(self.discount, self.smoothing)
        if self.copies < 1 or self.length * self.copies < 2:
            raise ConfigError(
                f"{self.copies} copies of {self.length} steps; an update needs at least two steps"
            )

    def learn(
        self, environment: Environment, *, steps: int, seed: int, watch: Watch = SILENT
    ) -> Agent:
        """An agent after `steps` environment steps (whole updates only).

        With `watch.folder` the same call goes on where it was interrupted, bit for bit.
        """
        vector = Vector(environment, self.copies, seed=seed)
        description = policy_for(vector, self.trunk, baseline=True, shared=self.shared)
        model = build(description, seed=seed, device=self.device)
        each = self.length * self.copies
        budget = Budget(
            steps=updates_within(steps, each),
            batch=each,
            rate=self.rate,
            schedule=self.schedule,
            warmup=0.0,
            optimiser=self.optimiser,
            clip=self.clip,
            save_every=self.save_every,
        )
        objective = AdvantageLoss(
            discount=self.discount,
            smoothing=self.smoothing,
            value_weight=self.value_weight,
            entropy_weight=self.entropy_weight,
            normalise=self.normalise,
        )
        source = Rollouts(vector, model, length=self.length, steps=steps, seed=seed)
        watch = replace(watch, curve_every=max(watch.curve_every, budget.steps // POINTS))
        return taught(model, source, objective, budget, vector=vector, seed=seed, watch=watch)


def check(discount: float, smoothing: float) -> None:
    """Raises ConfigError for a γ or λ outside [0, 1]."""
    if not (0 <= discount <= 1 and 0 <= smoothing <= 1):
        raise ConfigError(
            f"discount {discount} and smoothing {smoothing}; expected numbers from 0 to 1"
        )
