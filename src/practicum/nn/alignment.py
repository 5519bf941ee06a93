"""How scores become the weights with which a memory is read: everywhere, locally, or at one place.

    Soft               α = softmax(e)
    LocalMonotonic     α = softmax(e) over |i − t| ≤ D                      Luong et al. 2015, §3.2
    LocalPredictive    p = S σ(v_pᵀ tanh(W_p s_t)),  α = softmax(e) over |i − p| ≤ D,
                       times exp(−(i − p)² / 2σ²) with σ = D/2              Luong, eq. 9, 10
    Hard               1 at one place drawn from softmax(e)                 Xu et al. 2015, §4.1
    StraightThrough    as Hard, with the gradient of Soft                   Bengio et al. 2013
    Gumbel             softmax((e + noise) / τ)                             Jang et al. 2017

S is the number of real places of a row; places and queries are counted from 0. The Gaussian is not
made to sum to 1 again, as in the paper: without it no gradient would reach p. A local window that
lies beyond the memory gives weights of 0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.kernels.alignment import bell, choose, masked_softmax, near, waiting_times
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """What a memory is read with, and where that came from."""

    weights: Float[Tensor, "b t s"]
    policy: Float[Tensor, "b t s"]  # the probabilities of a choice; of soft weights these again

    def log_chosen(self) -> Float[Tensor, "b t"]:
        """log π of the place that was chosen, for REINFORCE."""
        return (self.weights.detach() * self.policy).sum(-1).log()


class AlignmentLayer(nn.Module, ABC):
    @abstractmethod
    def forward(
        self,
        scores: Float[Tensor, "b t s"],
        queries: Float[Tensor, "b t q"],
        mask: Bool[Tensor, "#b #t s"],
        *,
        first: int = 0,
        generator: torch.Generator | None = None,
    ) -> Aligned:
        """`first` is the step of queries[:, 0]; `generator` is for those that draw."""


@dataclass(frozen=True, kw_only=True)
class Soft:
    """Weights over every place."""

    def build(self, query: int) -> "SoftLayer":
        return SoftLayer()


@dataclass(frozen=True, kw_only=True)
class LocalMonotonic:
    """Query t reads the places from t − reach to t + reach (local-m)."""

    reach: int = 10

    def __post_init__(self) -> None:
        _require_reach("LocalMonotonic", self.reach)

    def build(self, query: int) -> "LocalMonotonicLayer":
        return LocalMonotonicLayer(self)


@dataclass(frozen=True, kw_only=True)
class LocalPredictive:
    """A query says where it wants to read, by `hidden` tanh units (local-p)."""

    hidden: int
    reach: int = 10

    def __post_init__(self) -> None:
        _require_reach("LocalPredictive", self.reach)
        if self.hidden < 1:
            raise ConfigError(f"LocalPredictive.hidden is {self.hidden}; expected at least 1")

    def build(self, query: int) -> "LocalPredictiveLayer":
        return LocalPredictiveLayer(query, self)


@dataclass(frozen=True, kw_only=True)
class Hard:
    """One place per query; without a generator the likeliest one."""

    def build(self, query: int) -> "HardLayer":
        return HardLayer()


@dataclass(frozen=True, kw_only=True)
class StraightThrough:
    """One place per query; backwards as if it had been all of them."""

    def build(self, query: int) -> "StraightThroughLayer":
        return StraightThroughLayer()


@dataclass(frozen=True, kw_only=True)
class Gumbel:
    """Noise that makes soft weights nearly a drawn place, more so at a low temperature τ."""

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature <= 0.0:
            raise ConfigError(f"Gumbel.temperature is {self.temperature}; expected above 0")

    def build(self, query: int) -> "GumbelLayer":
        return GumbelLayer(self)


Alignment = Soft | LocalMonotonic | LocalPredictive | Hard | StraightThrough | Gumbel


class SoftLayer(AlignmentLayer):
    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        weights = masked_softmax(scores, mask)
        return Aligned(weights=weights, policy=weights)


class LocalMonotonicLayer(AlignmentLayer):
    def __init__(self, description: LocalMonotonic) -> None:
        super().__init__()
        self.reach = description.reach

    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        steps = torch.arange(first, first + scores.shape[1], device=scores.device)
        window = near(steps[None].float(), scores.shape[2], self.reach)
        weights = masked_softmax(scores, mask & window)
        return Aligned(weights=weights, policy=weights)


class LocalPredictiveLayer(AlignmentLayer):
    """W_p is `inner.weight`, v_p `out.weight`."""

    def __init__(self, query: int, description: LocalPredictive) -> None:
        super().__init__()
        self.reach = description.reach
        self.inner = LinearLayer(query, {"inner": description.hidden}, bias=False)
        self.out = LinearLayer(description.hidden, {"out": 1}, bias=False)

    def centres(
        self, queries: Float[Tensor, "b t q"], mask: Bool[Tensor, "#b #t s"]
    ) -> Float[Tensor, "b t"]:
        """p, a real number between 0 and S, for each query."""
        share = torch.sigmoid(self.out(torch.tanh(self.inner(queries))).squeeze(-1))
        return mask.sum(-1) * share

    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        centres, slots = self.centres(queries, mask), scores.shape[2]
        window = near(centres, slots, self.reach)
        weights = masked_softmax(scores, mask & window) * bell(centres, slots, self.reach / 2)
        return Aligned(weights=weights, policy=weights)


class HardLayer(AlignmentLayer):
    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        policy = masked_softmax(scores, mask)
        return Aligned(weights=choose(policy, generator), policy=policy)


class StraightThroughLayer(AlignmentLayer):
    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        policy = masked_softmax(scores, mask)
        # the difference is exactly 0 forwards, and the choice has no slope backwards
        weights = choose(policy, generator) + (policy - policy.detach())
        return Aligned(weights=weights, policy=policy)


class GumbelLayer(AlignmentLayer):
    def __init__(self, description: Gumbel) -> None:
        super().__init__()
        self.temperature = description.temperature

    def forward(self, scores, queries, mask, *, first=0, generator=None) -> Aligned:
        if generator is None:
            raise ModelError("Gumbel draws noise; give generator=")
        noise = -waiting_times(scores, generator).log()
        weights = masked_softmax((scores + noise) / self.temperature, mask)
        return Aligned(weights=weights, policy=masked_softmax(scores, mask))


def _require_reach(name: str, reach: int) -> None:
    if reach < 1:
        raise ConfigError(f"{name}.reach is {reach}; expected at least 1 place to each side")
