"""From the scores of a network to a distribution over actions: choices, or real numbers.

Training asks for log-probabilities and entropies of tensors; acting draws with NumPy, from noise
that was drawn before, so that a whole stretch of chance is one call.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One of `choices` actions, with probabilities softmax(scores)."""

    choices: int

    @property
    def outputs(self) -> int:
        return self.choices

    def log_prob(
        self, scores: Float[Tensor, "b a"], actions: Int[Tensor, " b"]
    ) -> Float[Tensor, " b"]:
        """log π(action)."""
        return scores.log_softmax(1).gather(1, actions[:, None])[:, 0]

    def entropy(self, scores: Float[Tensor, "b a"]) -> Float[Tensor, " b"]:
        """−Σ π log π, in nats."""
        logs = scores.log_softmax(1)
        return -(logs.exp() * logs).sum(1)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """What `sample` needs to know of chance: Gumbel numbers, (*shape, choices)."""
        drawn = generator.standard_exponential((*shape, self.choices), np.float32)
        return -np.log(np.maximum(drawn, np.finfo(np.float32).tiny))

    def sample(self, scores: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """argmax(scores + Gumbel), which is distributed as softmax(scores) (Gumbel 1954)."""
        return (scores + noise).argmax(1)

    def mode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable actions."""
        return scores.argmax(1)


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """`size` real numbers, independent, each N(mean, exp(log_std)²); scores are means and log_stds.

    The deviations do not depend on the state: they are parameters of their own.
    """

    size: int
    log_std: float = 0.0  # at the start

    @property
    def outputs(self) -> int:
        return self.size

    def log_prob(
        self, scores: Float[Tensor, "b two_a"], actions: Float[Tensor, "b a"]
    ) -> Float[Tensor, " b"]:
        """log of the density at `actions`, which were not clipped."""
        mean, log_std = scores.split(self.size, 1)
        whitened = (actions - mean) * (-log_std).exp()
        return -(0.5 * whitened**2 + log_std + 0.5 * math.log(2 * math.pi)).sum(1)

    def entropy(self, scores: Float[Tensor, "b two_a"]) -> Float[Tensor, " b"]:
        """Σ log_std + ½ log 2πe, in nats."""
        return (scores[:, self.size :] + 0.5 * math.log(2 * math.pi * math.e)).sum(1)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """What `sample` needs to know of chance: normal numbers, (*shape, size)."""
        return generator.standard_normal((*shape, self.size), np.float32)

    def sample(self, scores: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """mean + deviation · noise."""
        return scores[:, : self.size] + np.exp(scores[:, self.size :]) * noise

    def mode(self, scores: np.ndarray) -> np.ndarray:
        """The means."""
        return scores[:, : self.size]


Head = Categorical | Gaussian
