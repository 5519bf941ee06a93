"""Labelled examples as a task of reinforcement: guess the class, hear only whether it was right.

An episode is one step. The model is shown x, an action (a class) is drawn from its policy, and the
reward is 1 where the action is the label and 0 where not: which class it would have been is never
told. The baseline b is a moving average of the rewards of batches gone by (never of the one being
learned from):  b ← decay · b + (1 − decay) · mean R.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum import events
from practicum.data.loader import Loader
from practicum.errors import ConfigError
from practicum.evaluation.classifier import answers
from practicum.models.action_heads import Categorical
from practicum.objectives.objective import Loss, TensorBatch
from practicum.rl.policy_gradient import policy_loss
from practicum.seeding import derive

DECAY = 0.95
Example = tuple[Float[np.ndarray, " i"], int]  # what is shown, and the label
Reward = Callable[
    [Int[np.ndarray, " b"], Int[np.ndarray, " b"], np.random.Generator], Float[np.ndarray, " b"]
]


def right(
    actions: Int[np.ndarray, " b"], labels: Int[np.ndarray, " b"], generator: np.random.Generator
) -> Float[np.ndarray, " b"]:
    """1 for each action that is the label, else 0."""
    return (actions == labels).astype(np.float32)


def exchanged(
    actions: Int[np.ndarray, " b"], labels: Int[np.ndarray, " b"], generator: np.random.Generator
) -> Float[np.ndarray, " b"]:
    """The same rewards, each given to another trial of the batch: a control.

    Nobody keeps their own. A plain permutation leaves each trial its own reward once in b times, a
    b-th of the gradient, from which much is learned in the end.
    """
    offset = generator.integers(1, len(actions)) if len(actions) > 1 else 0
    return np.roll(right(actions, labels, generator), offset)


@dataclass(frozen=True)
class Trials(TensorBatch):
    """What was seen, what was done, and how much better than expected that was: R − b."""

    x: Float[Tensor, "b i"]
    actions: Int[Tensor, " b"]
    advantages: Float[Tensor, " b"]

    @property
    def count(self) -> int:
        return len(self.x)

    @property
    def tokens(self) -> int:  # what a speed counts here is trials
        return len(self.x)


@dataclass(frozen=True, kw_only=True)
class Guessing:
    """The policy gradient of trials; the model gives a score for each action."""

    entropy_weight: float = 0.01

    def prepare(self, examples: Sequence[Trials], generator: torch.Generator) -> Trials:
        """The one batch there is; nothing is drawn."""
        (trials,) = examples
        return trials

    def loss(self, model: nn.Module, batch: Trials) -> Loss:
        scores = model(batch.x)
        head = Categorical(choices=scores.shape[1])
        total = policy_loss(
            head, scores, batch.actions, batch.advantages, entropy_weight=self.entropy_weight
        )
        return Loss(total, batch.count)


class Bandit:
    """Trials of `model` on labelled examples, a batch at a time: a source for `training.loop.fit`.

    With `Guessing` as objective. Emits the metric `reward`, the moving average, over trials.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        model: nn.Module,
        batch: int,
        *,
        seed: int,
        reward: Reward = right,
        decay: float = DECAY,
    ) -> None:
        if not 0 <= decay < 1:
            raise ConfigError(f"a baseline with decay {decay}; expected at least 0, below 1")
        self.loader = Loader(examples, batch, seed=seed)
        self.model, self.reward, self.seed, self.decay = model, reward, seed, decay
        self.baseline = 0.0
        self.batches = 0  # so far

    def __next__(self) -> list[Trials]:
        rows = next(self.loader)
        x = np.stack([x for x, _ in rows])
        labels = np.array([label for _, label in rows])
        generator = np.random.default_rng(derive(self.seed, "act", self.batches))
        actions = self._act(x, generator)
        rewards = self.reward(actions, labels, generator)
        advantages = (rewards - self.baseline).astype(np.float32)
        trials = Trials(*map(torch.from_numpy, (x, actions, advantages)))
        self.baseline = self.decay * self.baseline + (1 - self.decay) * float(rewards.mean())
        self.batches += 1
        if self.batches % 10 == 0:
            shown = self.batches * self.loader.batch
            events.emit(events.Metric(name="reward", value=self.baseline, step=shown))
        return [trials]

    def _act(
        self, x: Float[np.ndarray, "b i"], generator: np.random.Generator
    ) -> Int[np.ndarray, " b"]:
        """An action drawn from the policy for each row."""
        scores = answers(self.model, x)
        head = Categorical(choices=scores.shape[1])
        return head.sample(scores, head.noise(generator, (len(x),)))

    def position(self) -> dict[str, Any]:
        """Where the source stands, as JSON data."""
        return {
            "loader": self.loader.position(),
            "batches": self.batches,
            "baseline": self.baseline,
        }

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken. Raises CheckpointError as `Loader.seek` does."""
        self.loader.seek(position["loader"])
        self.batches, self.baseline = int(position["batches"]), float(position["baseline"])
