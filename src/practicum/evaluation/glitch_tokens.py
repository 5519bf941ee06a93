"""Tokens that a model can hardly have learned: those no text becomes, and rows of odd length.

A token that `encode(decode(token))` does not give back never stands in encoded text by itself, and
nearly never at all, so that its vector stays where it was drawn (Rumbelow and Watkins 2023 found
such tokens by their vectors: " SolidGoldMagikarp"). Parts of characters cannot be asked this way.
"""

from collections.abc import Collection
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.evaluation.vocabulary_census import text_of
from practicum.tokenizers.tokenizer import Tokenizer

OUTLYING = 5.0  # robust standard deviations: about one row of a million, were norms normal
_NORMAL = 1.4826  # the standard deviation over the median deviation of a normal variable
Why = Literal["unused", "unreachable"]


class Glitch(NamedTuple):
    """A token that texts do not become, and what its text becomes instead."""

    id: int
    why: Why
    instead: tuple[int, ...]


class OddNorm(NamedTuple):
    """A token whose row is unusually short or long."""

    id: int
    norm: float
    deviations: float  # from the median, in robust standard deviations


def unreachable(tokenizer: Tokenizer) -> list[Glitch]:
    """Tokens without bytes, and those whose text is encoded otherwise; special ones left out."""
    reserved = set(tokenizer.specials.values())
    found: list[Glitch] = []
    for number, piece in enumerate(tokenizer.vocabulary()):
        if number in reserved:
            continue
        text = text_of(piece)
        if not piece:
            found.append(Glitch(number, "unused", ()))
        elif text is not None and (ids := tokenizer.encode(text)) != [number]:
            found.append(Glitch(number, "unreachable", tuple(ids)))
    return found


def odd_norms(
    rows: Float[Tensor, "v d"], *, beyond: float = OUTLYING, leave_out: Collection[int] = ()
) -> list[OddNorm]:
    """Rows whose norm lies more than `beyond` robust deviations from the median, oddest first.

    The robust deviation is 1.4826 times the median distance from the median, which the odd rows
    themselves do not move.
    """
    norms = rows.detach().float().norm(dim=1).cpu()
    middle = norms.median()
    spread = _NORMAL * (norms - middle).abs().median()
    deviations = (norms - middle) / spread.clamp_min(torch.finfo(norms.dtype).tiny)
    order = deviations.abs().argsort(descending=True, stable=True).tolist()
    return [
        OddNorm(number, float(norms[number]), float(deviations[number]))
        for number in order
        if abs(float(deviations[number])) > beyond and number not in leave_out
    ]
