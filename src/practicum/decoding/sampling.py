"""How a next token is chosen from logits: a description, and one pure function per filter.

The order is the field's, and that of `transformers`: repetition penalty → temperature → top-k →
top-p → min-p → draw. Each filter sees the distribution that the one before it left. At temperature
0 the most likely token is taken after the penalty alone (of equals the first).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.errors import ConfigError
from practicum.seeding import stream


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """One request's way from logits to text. The same seed gives the same text in any company."""

    temperature: float = 1.0  # ≥ 0; 0 is greedy
    top_k: int | None = None  # ≥ 1: only the k most likely tokens
    top_p: float | None = None  # in (0, 1]: the fewest tokens that together reach this mass
    min_p: float | None = None  # in [0, 1]: at least this share of the likeliest token's mass
    repetition_penalty: float = 1.0  # > 0; above 1 makes every token already seen less likely
    max_tokens: int = 128
    stop: tuple[str, ...] = ()  # the text ends before the first of these
    seed: int = 0
    logprobs: int | None = None  # None: none; 0: of the token taken; n: and of the n likeliest

    def __post_init__(self) -> None:
        _require(self.temperature >= 0, "temperature", self.temperature, "at least 0 (0 is greedy)")
        _require(self.top_k is None or self.top_k >= 1, "top_k", self.top_k, "at least 1")
        _require(self.top_p is None or 0 < self.top_p <= 1, "top_p", self.top_p, "in (0, 1]")
        _require(self.min_p is None or 0 <= self.min_p <= 1, "min_p", self.min_p, "in [0, 1]")
        penalty = self.repetition_penalty
        _require(penalty > 0, "repetition_penalty", penalty, "above 0 (1 changes nothing)")
        _require(self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        _require(all(self.stop), "stop", self.stop, "made of non-empty strings")
        _require(
            self.logprobs is None or self.logprobs >= 0, "logprobs", self.logprobs, "at least 0"
        )

    @property
    def filters(self) -> "Sampling":
        """What shapes the distribution and nothing else: rows with equal `filters` go together."""
        return replace(self, max_tokens=1, stop=(), seed=0, logprobs=None)


def _require(holds: bool, name: str, given: object, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {given!r}; it must be {expected}")


def penalise_repetition(
    logits: Float[Tensor, "b v"], seen: Bool[Tensor, "b v"], penalty: float
) -> Float[Tensor, "b v"]:
    """Logits of `seen` tokens divided by `penalty` where positive, multiplied where negative.

    Keskar et al. 2019 (CTRL, §4.1) in the form that treats both signs alike.
    """
    punished = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, punished, logits)


def keep_top_k(logits: Float[Tensor, "b v"], k: int) -> Float[Tensor, "b v"]:
    """Everything below the k-th largest logit becomes −∞; ties with it stay (Fan et al. 2018)."""
    k = min(k, logits.shape[-1])
    smallest = logits.topk(k, dim=-1).values[:, -1:]
    return logits.masked_fill(logits < smallest, -torch.inf)


def keep_top_p(logits: Float[Tensor, "b v"], p: float) -> Float[Tensor, "b v"]:
    """The fewest tokens whose mass reaches `p` stay; the likeliest always does (Holtzman 2020)."""
    ascending, order = logits.sort(dim=-1)
    below = ascending.softmax(-1).cumsum(-1) <= 1 - p
    below[:, -1] = False
    removed = torch.empty_like(below).scatter_(-1, order, below)
    return logits.masked_fill(removed, -torch.inf)


def keep_min_p(logits: Float[Tensor, "b v"], p: float) -> Float[Tensor, "b v"]:
    """Tokens with less than `p` times the likeliest one's mass become −∞ (Nguyen et al. 2024)."""
    mass = logits.softmax(-1)
    likeliest = mass.amax(-1, keepdim=True)
    return logits.masked_fill(mass < p * likeliest, -torch.inf)


def filtered(
    logits: Float[Tensor, "b v"], sampling: Sampling, seen: Bool[Tensor, "b v"] | None = None
) -> Float[Tensor, "b v"]:
    """The logits that are drawn from; `seen` (needed for a penalty) marks prompt and new tokens."""
    if sampling.repetition_penalty != 1.0:
        assert seen is not None, "a repetition penalty needs to know what was seen"
        logits = penalise_repetition(logits, seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return logits
    if sampling.temperature != 1.0:
        logits = logits / sampling.temperature
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None and sampling.top_p < 1:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p is not None:
        logits = keep_min_p(logits, sampling.min_p)
    return logits


def uniforms(sampling: Sampling, count: int) -> Float[Tensor, " t"]:
    """The first `count` numbers in [0, 1) of the request's own stream, in float64 on the CPU.

    Token i uses number i, so neither the device, nor the batch, nor `max_tokens` moves a draw.
    """
    return torch.rand(count, generator=stream(sampling.seed, "draw"), dtype=torch.float64)


def draw(logits: Float[Tensor, "b v"], u: Float[Tensor, " b"]) -> Int[Tensor, " b"]:
    """One token per row by inversion: the first whose cumulated mass exceeds `u` ∈ [0, 1).

    A token of mass zero is never drawn: its cumulated mass equals its predecessor's.
    """
    cumulated = logits.double().softmax(-1).cumsum(-1)
    goal = u.to(logits.device)[:, None] * cumulated[:, -1:]
    # logits that are not numbers lead past the end; their row takes the last token
    return torch.searchsorted(cumulated, goal, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
