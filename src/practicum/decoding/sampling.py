"""How a next token is chosen from logits: a description, and one pure function per filter.

The order is the field's: bias → repetition penalty → frequency and presence penalties → temperature
→ top-k → top-p → min-p → draw. Each filter sees the distribution that the one before it left. At
temperature 0 the most likely token is taken after bias and penalties alone (of equals the first).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.decoding.spoken import Spoken
from practicum.errors import ConfigError
from practicum.seeding import stream

LIKELIEST = 1024  # tokens that mostly hold the mass which top-p asks for


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """One request's way from logits to text. The same seed gives the same text in any company."""

    temperature: float = 1.0  # ≥ 0; 0 is greedy
    top_k: int | None = None  # ≥ 1: only the k most likely tokens
    top_p: float | None = None  # in (0, 1]: the fewest tokens that together reach this mass
    min_p: float | None = None  # in [0, 1]: at least this share of the likeliest token's mass
    repetition_penalty: float = 1.0  # > 0; above 1 makes every token already seen less likely
    frequency_penalty: float = 0.0  # taken from a logit for every time the answer has the token
    presence_penalty: float = 0.0  # taken once, if the answer has it at all
    bias: tuple[tuple[int, float], ...] = ()  # ids, and what is added to their logits
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
        for name in ("frequency_penalty", "presence_penalty"):
            value = getattr(self, name)
            _require(math.isfinite(value), name, value, "a finite number (0 changes nothing)")
        sound = all(id >= 0 and math.isfinite(more) for id, more in self.bias)
        _require(sound, "bias", self.bias, "made of ids from 0 on and finite numbers")
        _require(self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        _require(all(self.stop), "stop", self.stop, "made of non-empty strings")
        _require(
            self.logprobs is None or self.logprobs >= 0, "logprobs", self.logprobs, "at least 0"
        )

    @property
    def penalises(self) -> bool:
        """Whether what has been said shapes the distribution: `filtered` then needs to know it."""
        return self.repetition_penalty != 1.0 or bool(
            self.frequency_penalty or self.presence_penalty
        )

    @property
    def filters(self) -> "Sampling":
        """What shapes the distribution and nothing else: rows with equal `filters` go together."""
        return replace(self, max_tokens=1, stop=(), seed=0, logprobs=None)


def for_each(sampling: Sampling | Sequence[Sampling], count: int) -> list[Sampling]:
    """One for each of `count` prompts, of one for all or of as many. Raises ConfigError else."""
    samplings = [sampling] * count if isinstance(sampling, Sampling) else list(sampling)
    if len(samplings) != count:
        raise ConfigError(
            f"{len(samplings)} samplings for {count} prompts; give one or one for each"
        )
    return samplings


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


def penalise_saying(
    logits: Float[Tensor, "b v"], counts: Int[Tensor, "b v"], frequency: float, presence: float
) -> Float[Tensor, "b v"]:
    """logit − frequency · count − presence · [count > 0], over counts in the answer (OpenAI's)."""
    return logits - frequency * counts - presence * (counts > 0)


def biased(
    logits: Float[Tensor, "b v"], bias: tuple[tuple[int, float], ...]
) -> Float[Tensor, "b v"]:
    """The numbers of `bias` added to the logits of its ids. ConfigError for an unknown id."""
    ids, more = zip(*bias, strict=True)
    if max(ids) >= logits.shape[-1]:
        raise ConfigError(
            f"bias names token {max(ids)}; the vocabulary has ids 0 to {logits.shape[-1] - 1}"
        )
    place = torch.tensor(ids, device=logits.device)
    added = torch.tensor(more, dtype=logits.dtype, device=logits.device)
    return logits.index_add(-1, place, added.expand(len(logits), -1))


def keep_top_p(logits: Float[Tensor, "b v"], p: float) -> Float[Tensor, "b v"]:
    """The fewest tokens whose mass reaches `p` stay; the likeliest always does (Holtzman 2020)."""
    mass = logits.softmax(-1)
    likeliest, likelier = _ranked(mass, min(LIKELIEST, mass.shape[-1]))
    if likeliest.values.shape[-1] < mass.shape[-1] and not bool((likelier[:, -1] >= p).all()):
        likeliest, likelier = _ranked(mass, mass.shape[-1])
    places = likeliest.indices
    kept = logits.gather(-1, places).masked_fill(likelier >= p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter_(-1, places, kept)


def keep_min_p(logits: Float[Tensor, "b v"], p: float) -> Float[Tensor, "b v"]:
    """Tokens with less than `p` times the likeliest one's mass become −∞ (Nguyen et al. 2024)."""
    mass = logits.softmax(-1)
    likeliest = mass.amax(-1, keepdim=True)
    return logits.masked_fill(mass < p * likeliest, -torch.inf)


def _ranked(
    mass: Float[Tensor, "b v"], count: int
) -> tuple[torch.return_types.topk, Float[Tensor, "b n"]]:
    """The `count` likeliest tokens, and for each the mass of all that are likelier."""
    likeliest = mass.topk(count, dim=-1)
    return likeliest, likeliest.values.cumsum(-1) - likeliest.values


def filtered(
    logits: Float[Tensor, "b v"], sampling: Sampling, spoken: Spoken | None = None
) -> Float[Tensor, "b v"]:
    """The logits that are drawn from; `spoken` is needed where `sampling.penalises`."""
    if sampling.bias:
        logits = biased(logits, sampling.bias)
    if sampling.penalises:
        assert spoken is not None, "a penalty needs to know what was said"
        logits = penalised(logits, sampling, spoken)
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


def penalised(
    logits: Float[Tensor, "b v"], sampling: Sampling, spoken: Spoken
) -> Float[Tensor, "b v"]:
    """What the three penalties of `sampling` leave of the logits."""
    if sampling.repetition_penalty != 1.0:
        logits = penalise_repetition(logits, spoken.seen, sampling.repetition_penalty)
    if sampling.frequency_penalty or sampling.presence_penalty:
        logits = penalise_saying(
            logits, spoken.counts, sampling.frequency_penalty, sampling.presence_penalty
        )
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
