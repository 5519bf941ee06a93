"""Deep Q-networks: Q-learning with a network, a replay and a target network (Mnih et al. 2015).

    y = r + γ (1 − terminated) max_a′ Q⁻(s′, a′)      L = Huber(y − Q(s, a))    (eq. 2, Methods)

Q⁻ is a copy of Q, renewed every `copy_every` updates. Double (van Hasselt et al. 2016, eq. 4) lets
Q choose the action that Q⁻ values: y = r + γ (1 − terminated) Q⁻(s′, argmax_a′ Q(s′, a′)). The
dueling head is the network's (`models.agents`).

Acting, remembering and drawing batches are a source of the one loop of `training`; the targets are
made there too, so that the objective is no more than Huber's loss on the chosen actions.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from practicum import events
from practicum.errors import ConfigError
from practicum.models.agents import ActionValues, ActionValuesModel
from practicum.models.build import build
from practicum.models.trunks import Convolutions, Dense, Trunk
from practicum.objectives.objective import Loss, TensorBatch
from practicum.rl.agent import Agent
from practicum.rl.environments import Choices, Environment
from practicum.rl.exploration import Exploration
from practicum.rl.replay import Experience, Replay
from practicum.rl.taught import ADAM, SILENT, taught
from practicum.rl.vector import Vector
from practicum.seeding import derive
from practicum.training.budget import Budget
from practicum.training.loop import Watch
from practicum.training.optimiser import Optimiser, RMSprop
from practicum.training.schedules import Constant, Schedule

POINTS = 100  # of the curve of returns over the whole of learning


@dataclass(frozen=True, kw_only=True)
class DQN:
    """How to learn. The standard values suit CartPole; `nature` gives those of the paper."""

    trunk: Trunk = Dense(hidden=(128, 128), activation="relu")
    dueling: bool = False
    double: bool = False
    discount: float = 0.99  # γ
    copies: int = 1  # of the environment, stepped together
    replay: int = 100_000  # transitions
    start: int = 1000  # steps before the first update
    every: int = 4  # steps between updates
    updates: int = 1  # at a time
    batch: int = 128
    copy_every: int = 250  # updates between two renewals of the target network
    explore: Exploration = Exploration(start=1.0, end=0.04, share=0.16)
    clip_rewards: bool = False  # to [−1, 1], for learning only
    rate: float = 1e-3
    schedule: Schedule = Constant()
    optimiser: Optimiser = ADAM
    clip: float | None = 10.0  # largest norm of the gradient
    device: str = "cpu"
    save_every: int | None = None  # updates; None: only at the end and when interrupted

    def __post_init__(self) -> None:
        for name in ("copies", "replay", "start", "every", "updates", "batch", "copy_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"DQN.{name} is {getattr(self, name)}; expected at least 1")
        if not 0 <= self.discount <= 1:
            raise ConfigError(f"DQN.discount is {self.discount}; expected between 0 and 1")
        if self.every % self.copies:
            raise ConfigError(
                f"{self.copies} copies step together, so updates every {self.every} steps cannot "
                "be met; make every a multiple of copies"
            )

    def learn(
        self,
        environment: Environment,
        *,
        steps: int,
        seed: int,
        watch: Watch = SILENT,
    ) -> Agent:
        """An agent that has learned from `steps` steps, over all copies together.

        Emits what `fit` does, by updates, and the metric "return" by steps: the mean of the
        episodes that ended since the last point, exploration included.

        Raises ConfigError for actions that are not discrete, or too few steps for any update.
        """
        vector = Vector(environment, self.copies, seed=derive(seed, "episodes"))
        if not isinstance(vector.actions, Choices):
            space = vector.actions.space
            raise ConfigError(f"DQN needs Discrete actions; {environment.id} takes {space}")
        values = ActionValues(
            shape=vector.shape,
            choices=vector.actions.count,
            trunk=self.trunk,
            dueling=self.dueling,
        )
        model = build(values, seed=seed, device=self.device)
        playing = Playing(self, model, vector, steps, seed)
        updates = self.updates_in(steps)
        budget = Budget(
            steps=updates,
            batch=self.batch,
            rate=self.rate,
            schedule=self.schedule,
            warmup=0.0,
            optimiser=self.optimiser,
            clip=self.clip,
            save_every=self.save_every,
        )
        watch = replace(watch, curve_every=max(watch.curve_every, updates // POINTS))
        objective = ChosenActions(learner=self, environment=environment, steps=steps)
        return taught(model, playing, objective, budget, vector=vector, seed=seed, watch=watch)

    def updates_in(self, steps: int) -> int:
        """How many updates `steps` steps allow: at each multiple of `every` from `start` on.

        Raises ConfigError where there are none.
        """
        times = steps // self.every - math.ceil(self.start / self.every) + 1
        if times < 1:
            raise ConfigError(
                f"{steps} steps allow no update: the first comes after {self.start}, then one "
                f"every {self.every}"
            )
        return times * self.updates


def nature(*, steps: int) -> DQN:
    """The values of Mnih et al. 2015 (extended data table 1), for learning from `steps` steps.

    ε falls over the first million of steps. Their RMSProp also centred the second moment; here it
    is not centred. Observations are stacks of four 84 × 84 frames: `Environment(frames=4)`.
    """
    return DQN(
        trunk=Convolutions(),
        replay=1_000_000,
        start=50_000,
        every=4,
        batch=32,
        copy_every=10_000,
        explore=Exploration(start=1.0, end=0.1, share=min(1.0, 1_000_000 / steps)),
        clip_rewards=True,
        rate=2.5e-4,
        optimiser=RMSprop(smoothing=0.95, eps=0.01),
        clip=None,
    )


def td_targets(
    rewards: Float[Tensor, " b"],
    terminated: Shaped[Tensor, " b"],
    following: Float[Tensor, "b a"],
    discount: float,
    *,
    chosen_by: Float[Tensor, "b a"] | None = None,
) -> Float[Tensor, " b"]:
    """y = r + γ (1 − terminated) Q⁻(s′, a*), `following` being Q⁻(s′, ·).

    a* is the best action by `chosen_by` (double), or by Q⁻ itself.
    """
    if chosen_by is None:
        best = following.amax(1)
    else:
        best = following.gather(1, chosen_by.argmax(1, keepdim=True))[:, 0]
    return rewards + discount * best.masked_fill(terminated, 0.0)


@dataclass(frozen=True)
class TargetBatch(TensorBatch):
    """What Q(s, a) should have been for each of the chosen `actions`."""

    observations: Shaped[Tensor, "b ..."]
    actions: Int[Tensor, " b"]
    targets: Float[Tensor, " b"]

    @property
    def count(self) -> int:
        return len(self.targets)

    @property
    def tokens(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, kw_only=True)
class ChosenActions:
    """Huber's loss of Q(s, a) for the actions that were taken: quadratic up to 1, then linear.

    The fields say whose batches these are, so that a checkpoint of other ones is refused.
    """

    learner: DQN
    environment: Environment
    steps: int

    def prepare(self, examples: Sequence[TargetBatch], generator: torch.Generator) -> TargetBatch:
        """The one batch that the source gives at a time."""
        (batch,) = examples
        return batch

    def loss(self, model: ActionValuesModel, batch: TargetBatch) -> Loss:
        chosen = model(batch.observations).gather(1, batch.actions[:, None])[:, 0]
        return Loss(F.smooth_l1_loss(chosen, batch.targets, reduction="sum"), batch.count)


class Playing:
    """The source of batches: acts with the model as it is, remembers, draws, and makes targets."""

    def __init__(
        self, learner: DQN, model: ActionValuesModel, vector: Vector, steps: int, seed: int
    ) -> None:
        assert isinstance(vector.actions, Choices), vector.actions
        self.choices = vector.actions.count
        self.learner, self.model, self.vector, self.steps = learner, model, vector, steps
        self.device = model.head.weight.device
        self.target = copy.deepcopy(model).requires_grad_(False)
        self.actor = Agent(model)
        self.replay = Replay(
            learner.replay,
            vector.shape,
            vector.seen.dtype,
            copies=learner.copies,
            frames=vector.environment.frames,
        )
        self.choosing = np.random.default_rng(derive(seed, "explore"))
        self.drawing = np.random.default_rng(derive(seed, "replay"))
        self.taken = self.given = 0  # steps and batches so far
        self.returns: list[float] = []  # of the episodes that are not on the curve yet

    def __next__(self) -> list[TargetBatch]:
        learner = self.learner
        if self.given % learner.updates == 0:
            self._play()
        if self.given % learner.copy_every == 0:
            self._renew_target()
        self.given += 1
        return [self._batch(self.replay.sample(learner.batch, generator=self.drawing))]

    def position(self) -> dict[str, Any]:
        """Everything that batches to come depend on; the replay and the target net as tensors."""
        target = {f"target.{name}": p for name, p in self.target.named_parameters()}
        replay = {f"replay.{name}": part for name, part in self.replay.position().items()}
        return {
            "vector": self.vector.position(),
            "choosing": self.choosing.bit_generator.state,
            "drawing": self.drawing.bit_generator.state,
            "taken": self.taken,
            "given": self.given,
            "returns": list(self.returns),
            **target,
            **replay,
        }

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken."""
        self.vector.seek(position["vector"])
        self.choosing.bit_generator.state = position["choosing"]
        self.drawing.bit_generator.state = position["drawing"]
        self.taken, self.given = position["taken"], position["given"]
        self.returns = list(position["returns"])
        self.replay.seek(
            {n.removeprefix("replay."): v for n, v in position.items() if n.startswith("replay.")}
        )
        with torch.no_grad():
            for name, parameter in self.target.named_parameters():
                parameter.copy_(position[f"target.{name}"])

    def _play(self) -> None:
        """Act until the next update is due. Raises StopIteration when the steps are used up."""
        learner = self.learner
        due = max(self.taken + 1, learner.start)
        due = math.ceil(due / learner.every) * learner.every
        if due > self.steps:
            raise StopIteration
        while self.taken < due:
            self._step()

    def _step(self) -> None:
        """One step in every copy."""
        vector, count = self.vector, self.learner.copies
        epsilon = self.learner.explore.at(self.taken / self.steps)
        seen = vector.observations
        at_random = self.choosing.random(count) < epsilon
        actions = self.choosing.integers(0, self.choices, count) if at_random.any() else None
        if actions is None:
            actions = self.actor.act(seen)
        elif not at_random.all():
            actions = np.where(at_random, actions, self.actor.act(seen))
        step = vector.step(actions)
        self.replay.add(seen, actions, step)
        before, self.taken = self.taken, self.taken + count
        self.returns += [ended.total for ended in step.finished]
        if self.returns and self.taken * POINTS // self.steps > before * POINTS // self.steps:
            point = fmean(self.returns)
            events.emit(events.Metric(name="return", value=point, step=self.taken))
            self.returns.clear()

    def _renew_target(self) -> None:
        with torch.no_grad():
            pairs = zip(self.model.parameters(), self.target.parameters(), strict=True)
            for ours, theirs in pairs:
                theirs.copy_(ours)

    def _batch(self, seen: Experience) -> TargetBatch:
        """The drawn steps with their targets, on the model's device."""
        learner = self.learner
        rewards = seen.rewards.clip(-1.0, 1.0) if learner.clip_rewards else seen.rewards
        with torch.no_grad():
            following = self._tensor(seen.following)
            targets = td_targets(
                self._tensor(rewards),
                self._tensor(seen.terminated),
                self.target(following),
                learner.discount,
                chosen_by=self.model(following) if learner.double else None,
            )
        return TargetBatch(self._tensor(seen.observations), self._tensor(seen.actions), targets)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device)
