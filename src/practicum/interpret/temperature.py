"""The distribution of the next token, and what a temperature makes of it.

p_i = e^{x_i/T} / Σ_j e^{x_j/T}: above 1 it is flatter, below 1 sharper, and at 0 all is on the
largest. A list of probabilities is re-weighted without its logits by p_i^{1/T}, which is the same
up to the normalisation over what the list leaves out.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ConfigError


class Table(NamedTuple):
    """The likeliest next tokens of every position, the likeliest first."""

    ids: Int[Tensor, "*b top"]
    probabilities: Float[Tensor, "*b top"]  # of all tokens, not of those listed
    logits: Float[Tensor, "*b top"]


def distribution(logits: Float[Tensor, "*b v"], temperature: float = 1.0) -> Float[Tensor, "*b v"]:
    """P of every token at `temperature` ≥ 0; at 0 the first of the largest has it all."""
    _check(temperature)
    if temperature == 0:
        best = logits.argmax(-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, best, 1.0)
    return (logits / temperature).softmax(-1)  # which subtracts the maximum


def next_tokens(logits: Float[Tensor, "*b v"], *, top: int = 20, temperature: float = 1.0) -> Table:
    """The `top` likeliest tokens at `temperature`."""
    best = distribution(logits, temperature).topk(min(top, logits.shape[-1]), dim=-1)
    return Table(best.indices, best.values, logits.gather(-1, best.indices))


def reweighted(
    probabilities: Float[Tensor, "*b top"], temperature: float
) -> Float[Tensor, "*b top"]:
    """A list of probabilities as it would be at `temperature` > 0, normalised over the list."""
    _check(temperature)
    if temperature == 0:
        raise ConfigError("a list cannot be re-weighted at temperature 0; take its first")
    return (probabilities.log() / temperature).softmax(-1)


def _check(temperature: float) -> None:
    if not 0 <= temperature < float("inf"):
        raise ConfigError(f"a temperature of {temperature}; expected 0 or more")
