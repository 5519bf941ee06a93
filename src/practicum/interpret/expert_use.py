"""Which experts read which tokens: load, its evenness, its locality in time, what it tells.

Choices are numbers of experts, the first choice first (Jiang et al. 2024, §5). By chance, that is
for even and independent choices of k of e experts, two tokens share their first choice with
probability 1/e and some choice with 1 − C(e − k, k) / C(e, k): 12.5 % and 46 % for 2 of 8.
"""

from dataclasses import dataclass
from math import comb

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpertUse:
    """How one layer used its experts on some texts. Shares are of tokens."""

    first: Float[Tensor, " e"]  # whose first choice was this expert; they sum to 1
    either: Float[Tensor, " e"]  # who chose it at all; they sum to k
    repeated_first: float  # of the tokens with a neighbour before: who has its first choice
    repeated_either: float  # … who shares one choice with it or more

    @property
    def entropy(self) -> float:
        """Of the load, in bits; log₂ e where it is even."""
        load = self.either / self.either.sum()
        return float(-torch.xlogy(load, load).sum() / torch.log(torch.tensor(2.0)))

    @property
    def skew(self) -> float:
        """The busiest expert's load over the mean load; from 1 (even) to e / k."""
        return float(self.either.max() / self.either.mean())

    @property
    def dead(self) -> list[int]:
        """Experts that nobody chose."""
        return (self.either == 0).nonzero().flatten().tolist()

    @property
    def expected_repetition(self) -> float:
        """How often neighbours would share their first choice with these shares, independently."""
        return float(self.first.square().sum())


def expert_use(experts: Int[Tensor, "b t k"], count: int) -> ExpertUse:
    """What `count` experts were chosen for, by rows of at least two consecutive tokens."""
    tokens = experts[..., 0].numel()
    before, after = experts[:, :-1], experts[:, 1:]
    shared = (before[..., :, None] == after[..., None, :]).any(-1).any(-1)
    return ExpertUse(
        first=torch.bincount(experts[..., 0].flatten(), minlength=count) / tokens,
        either=torch.bincount(experts.flatten(), minlength=count) / tokens,
        repeated_first=float((before[..., 0] == after[..., 0]).float().mean()),
        repeated_either=float(shared.float().mean()),
    )


def chance_first(count: int) -> float:
    """How often two tokens share their first choice by chance."""
    return 1 / count


def chance_either(count: int, top: int) -> float:
    """How often two tokens share a choice, or more, by chance."""
    return 1 - comb(count - top, top) / comb(count, top)


def mutual_information(one: Int[Tensor, " n"], other: Int[Tensor, " n"]) -> float:
    """How many bits each of two numbers tells of the other, from n pairs of them.

    Few pairs seem to tell more than there is: in the mean, by (cells − rows − columns + 1) / 2n
    nats, counting the values that occur (Miller 1955). That is taken off; it is enough where pairs
    are several times as many as cells.
    """
    n, columns = one.numel(), int(other.max()) + 1
    joint = torch.bincount(one * columns + other).double()
    entropies = [_entropy(counts) for counts in (_counts(one), _counts(other), joint)]
    plain = entropies[0] + entropies[1] - entropies[2]
    kinds = [int((counts > 0).sum()) for counts in (_counts(one), _counts(other), joint)]
    bias = (kinds[2] - kinds[0] - kinds[1] + 1) / (2 * n)
    return float(plain - bias) / float(torch.log(torch.tensor(2.0)))


def _counts(values: Int[Tensor, " n"]) -> Float[Tensor, " v"]:
    return torch.bincount(values).double()


def _entropy(counts: Float[Tensor, " v"]) -> float:
    """In nats."""
    shares = counts / counts.sum()
    return float(-torch.xlogy(shares, shares).sum())
