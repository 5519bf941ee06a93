"""Proximal policy optimisation (Schulman et al. 2017): many small updates from one rollout.

With ρ = π(a|s) / π_old(a|s) the loss is  −min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â)  (eq. 7), with the
value and entropy terms of the actor-critic (eq. 9). Moving ρ further than ε earns nothing, so that
the policy stays near the one that acted.

`clipped_surrogate` and `ClippedObjective` know no environment: whoever has log-probabilities and
advantages can use them. `Minibatches` is the source that makes them from rollouts. No early
stopping by divergence, and no clipping of the value loss.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from practicum.errors import ConfigError
from practicum.models.agents import PolicyModel
from practicum.models.build import build
from practicum.models.trunks import Dense, Trunk
from practicum.objectives.objective import Loss, TensorBatch
from practicum.rl.actor_critic import batch_of, check, estimates, normalised
from practicum.rl.agent import Agent
from practicum.rl.environments import Environment
from practicum.rl.rollouts import POINTS, Rollouts, policy_for, updates_within
from practicum.rl.taught import ADAM, SILENT, taught
from practicum.rl.vector import Vector
from practicum.seeding import stream
from practicum.training.budget import Budget
from practicum.training.loop import Watch
from practicum.training.optimiser import Optimiser
from practicum.training.schedules import Linear, Schedule


def clipped_surrogate(
    log_prob: Float[Tensor, "*b"],
    old_log_prob: Float[Tensor, "*b"],
    advantages: Float[Tensor, "*b"],
    clip: float,
) -> Float[Tensor, "*b"]:
    """−min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â) of every action; ε is `clip`."""
    ratio = (log_prob - old_log_prob).exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


@dataclass(frozen=True)
class Judged(TensorBatch):
    """Actions taken by an earlier policy, and how good they were."""

    observations: Shaped[Tensor, "b ..."]
    actions: Shaped[Tensor, "b ..."]
    log_probs: Float[Tensor, " b"]  # of the policy that acted
    advantages: Float[Tensor, " b"]
    returns: Float[Tensor, " b"]  # what V is trained on

    @property
    def count(self) -> int:
        return len(self.actions)

    @property
    def tokens(self) -> int:
        return len(self.actions)

    def rows(self, which: Tensor) -> "Judged":
        """Some of them."""
        return Judged(*(getattr(self, part.name)[which] for part in fields(self)))


@dataclass(frozen=True, kw_only=True)
class ClippedObjective:
    """The three terms over a minibatch of judged actions."""

    clip: float
    value_weight: float
    entropy_weight: float
    normalise: bool

    def prepare(self, examples: Sequence[Judged], generator: torch.Generator) -> Judged:
        """The one minibatch there is; nothing is drawn."""
        (batch,) = examples
        return batch

    def loss(self, model: PolicyModel, batch: Judged) -> Loss:
        head, scores = model.description.head, model.scores(batch.observations)
        advantages = normalised(batch.advantages) if self.normalise else batch.advantages
        log_prob = head.log_prob(scores, batch.actions)
        policy = clipped_surrogate(log_prob, batch.log_probs, advantages, self.clip).sum()
        value = (model.values(batch.observations) - batch.returns).square().sum()
        total = policy + self.value_weight * value
        if self.entropy_weight:
            total = total - self.entropy_weight * head.entropy(scores).sum()
        return Loss(total, batch.count, {"policy": policy, "value": value})


class Minibatches:
    """The source: each rollout judged once by the policy that acted it, then read `epochs` times.

    The order of an epoch is named by the rollout's and the epoch's number. Between two minibatches
    of one rollout the position holds the whole of it, as tensors.
    """

    def __init__(
        self,
        rollouts: Rollouts,
        *,
        size: int,
        epochs: int,
        discount: float,
        smoothing: float,
    ) -> None:
        self.rollouts, self.size, self.epochs = rollouts, size, epochs
        self.discount, self.smoothing = discount, smoothing
        self.judged: Judged | None = None
        self.read = 0  # minibatches of it

    def __next__(self) -> list[Judged]:
        if self.judged is None:
            self.judged, self.read = self._judge(), 0
        judged, per_epoch = self.judged, self.judged.count // self.size
        epoch, place = divmod(self.read, per_epoch)
        names = ("minibatches", self.rollouts.done, epoch)
        order = torch.randperm(judged.count, generator=stream(self.rollouts.seed, *names))
        batch = judged.rows(order[place * self.size : (place + 1) * self.size])
        self.read += 1
        if self.read == self.epochs * per_epoch:
            self.judged = None
        return [batch]

    def _judge(self) -> Judged:
        (rollout,) = next(self.rollouts)
        model = self.rollouts.model
        batch = batch_of(rollout).to(model.head.weight.device)
        with torch.no_grad():
            observations = batch.seen[: batch.count]
            scores = model.scores(observations)
            log_probs = model.description.head.log_prob(scores, batch.actions)
            advantages, returns = estimates(
                rollout,
                model.values(batch.seen),
                discount=self.discount,
                smoothing=self.smoothing,
            )
        return Judged(observations, batch.actions, log_probs, advantages, returns)

    def position(self) -> dict[str, Any]:
        """Where the source stands: JSON data and, within a rollout, its tensors."""
        parts = {} if self.judged is None else asdict(self.judged)
        return {"read": self.read, "rollouts": self.rollouts.position(), **parts}

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken. Raises CheckpointError as `Vector.seek` does."""
        self.rollouts.seek(position["rollouts"])
        self.read, self.judged = int(position["read"]), None
        if "actions" in position:
            device = self.rollouts.model.head.weight.device
            self.judged = Judged(*(position[part.name] for part in fields(Judged))).to(device)


@dataclass(frozen=True, kw_only=True)
class PPO:
    """How to learn, with standard values that suit CartPole."""

    copies: int = 8
    length: int = 64  # steps of each copy in a rollout
    epochs: int = 10
    minibatch: int = 128
    trust: float = 0.2  # ε
    discount: float = 0.99
    smoothing: float = 0.95
    value_weight: float = 0.5
    entropy_weight: float = 0.0
    normalise: bool = True
    rate: float = 1e-3
    schedule: Schedule = Linear()
    optimiser: Optimiser = ADAM
    clip: float | None = 0.5  # of the gradient
    trunk: Trunk = Dense()
    shared: bool = False
    device: str = "cpu"
    save_every: int | None = None  # updates

    def __post_init__(self) -> None:
        check(self.discount, self.smoothing)
        for name in ("copies", "length", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"PPO.{name} is {getattr(self, name)}; expected at least 1")
        whole = self.copies * self.length
        if self.minibatch < 2 or whole % self.minibatch:
            raise ConfigError(
                f"rollouts of {whole} steps do not divide into minibatches of {self.minibatch}"
            )
        if self.trust <= 0:
            raise ConfigError(f"PPO.trust is {self.trust}; expected a number above 0")

    def learn(
        self, environment: Environment, *, steps: int, seed: int, watch: Watch = SILENT
    ) -> Agent:
        """An agent after `steps` environment steps (whole rollouts only).

        With `watch.folder` the same call goes on where it was interrupted, bit for bit.
        """
        vector = Vector(environment, self.copies, seed=seed)
        description = policy_for(vector, self.trunk, baseline=True, shared=self.shared)
        model = build(description, seed=seed, device=self.device)
        whole = self.copies * self.length
        budget = Budget(
            steps=updates_within(steps, whole) * self.epochs * (whole // self.minibatch),
            batch=self.minibatch,
            rate=self.rate,
            schedule=self.schedule,
            warmup=0.0,
            optimiser=self.optimiser,
            clip=self.clip,
            save_every=self.save_every,
        )
        objective = ClippedObjective(
            clip=self.trust,
            value_weight=self.value_weight,
            entropy_weight=self.entropy_weight,
            normalise=self.normalise,
        )
        source = Minibatches(
            Rollouts(vector, model, length=self.length, steps=steps, seed=seed),
            size=self.minibatch,
            epochs=self.epochs,
            discount=self.discount,
            smoothing=self.smoothing,
        )
        watch = replace(watch, curve_every=max(watch.curve_every, budget.steps // POINTS))
        return taught(model, source, objective, budget, vector=vector, seed=seed, watch=watch)
