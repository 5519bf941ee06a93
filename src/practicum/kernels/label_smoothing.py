"""Cross-entropy against a softened target: −Σᵢ Σ_v q(v) log p(v), in nats.

With share ε, V words, gold word y and padding word π, the target q of a row is one of two:

    EvenSmoothing        q(v) = (1 − ε)·1[v = y] + ε/V             (Szegedy et al. 2016, §7; torch)
    OffTargetSmoothing   q(y) = 1 − ε,  q(π) = 0,  else ε/(V − 2)   (The Annotated Transformer)

On the V − 1 words without π, the second with ε is the first with ε(V − 1)/(V − 2). A row whose
target is `IGNORED`, or π in the second, counts nothing. The article minimises KL(q‖p), which
is this loss less the entropy of q, a constant: the same gradient, and 0 for a perfect answer where
cross-entropy bottoms out at `least`.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.cross_entropy import IGNORED


@dataclass(frozen=True, kw_only=True)
class EvenSmoothing:
    """ε is spread over all words, the gold one included."""

    share: float = 0.1

    def __post_init__(self) -> None:
        _check_share(self)


@dataclass(frozen=True, kw_only=True)
class OffTargetSmoothing:
    """ε is spread over all words but the gold one and `pad`."""

    share: float = 0.1
    pad: int = 0

    def __post_init__(self) -> None:
        _check_share(self)
        if self.pad < 0:
            raise ConfigError(f"OffTargetSmoothing.pad is {self.pad}; expected the id of a word")


Smoothing = EvenSmoothing | OffTargetSmoothing


def smoothed_targets(
    targets: Int[Tensor, " n"], vocab: int, smoothing: Smoothing
) -> Float[Tensor, "n v"]:
    """q of each row, in float64; a row that counts nothing is zero."""
    counted = _counted(targets, smoothing)
    gold = F.one_hot(targets.where(counted, 0), vocab).double()
    match smoothing:
        case EvenSmoothing(share=share):
            q = (1 - share) * gold + share / vocab
        case OffTargetSmoothing(share=share, pad=pad):
            q = torch.full_like(gold, _each(smoothing, vocab)).where(gold == 0, 1 - share)
            q[:, pad] = 0
    return q * counted[:, None]


def smoothed_cross_entropy_reference(
    logits: Float[Tensor, "n v"], targets: Int[Tensor, " n"], smoothing: Smoothing
) -> Float[Tensor, ""]:
    """The equation with the whole of q. Judges `smoothed_cross_entropy`."""
    q = smoothed_targets(targets, logits.shape[1], smoothing).to(logits.dtype)
    log_p = logits.log_softmax(-1).masked_fill(q == 0, 0)  # 0 · log 0 = 0
    return -(q * log_p).sum()


def smoothed_cross_entropy(
    logits: Float[Tensor, "n v"], targets: Int[Tensor, " n"], smoothing: Smoothing
) -> Float[Tensor, ""]:
    """`smoothed_cross_entropy_reference` from two sums a row; q is never made.

    Half precision is summed in float32. The logit of `pad` may be −inf.

    Raises ConfigError where fewer than three words leave nothing to spread over.
    """
    vocab = logits.shape[1]
    each = _each(smoothing, vocab)
    log_p = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    counted = _counted(targets, smoothing)
    gold = log_p.gather(1, targets.where(counted, 0)[:, None])[:, 0]
    match smoothing:
        case EvenSmoothing(share=share):
            rows = (1 - share) * gold + each * log_p.sum(-1)
        case OffTargetSmoothing(share=share, pad=pad):
            # two slices and no subtraction, so that −inf for padding gives no NaN
            words = log_p[:, :pad].sum(-1) + log_p[:, pad + 1 :].sum(-1)
            rows = (1 - share - each) * gold + each * words
    return -rows.where(counted, 0).sum()


def least(smoothing: Smoothing, vocab: int) -> float:
    """The entropy of q, in nats a row: what the loss cannot fall below."""
    share, each = smoothing.share, _each(smoothing, vocab)
    match smoothing:
        case EvenSmoothing():
            gold, others = 1 - share + each, vocab - 1
        case OffTargetSmoothing():
            gold, others = 1 - share, vocab - 2
    return -sum(n * q * math.log(q) for n, q in ((1, gold), (others, each)) if q > 0)


def _counted(targets: Int[Tensor, " n"], smoothing: Smoothing) -> Tensor:
    counted = targets != IGNORED
    if isinstance(smoothing, OffTargetSmoothing):
        counted = counted & (targets != smoothing.pad)
    return counted


def _each(smoothing: Smoothing, vocab: int) -> float:
    """What a word that is neither gold nor padding gets."""
    match smoothing:
        case EvenSmoothing(share=share):
            return share / vocab
        case OffTargetSmoothing(share=share, pad=pad):
            if vocab < 3 or pad >= vocab:
                raise ConfigError(
                    f"{vocab} words with {pad} for padding leave none to spread over; "
                    "expected 3 or more, padding among them"
                )
            return share / (vocab - 2)


def _check_share(smoothing: Smoothing) -> None:
    if not 0 <= smoothing.share < 1:
        kind = type(smoothing).__name__
        raise ConfigError(f"{kind}.share is {smoothing.share}; expected at least 0, below 1")
