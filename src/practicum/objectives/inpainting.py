"""Hiding a part of every example: the rest is the input, the part is wanted (Pathak et al. 2016).

What is hidden are always the same places: the right half of a picture, a column of a table, the
last words of a line. So no mark is needed for them, and the model has fewer inputs than values.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Num
from torch import Tensor

from practicum.errors import ConfigError
from practicum.objectives.self_supervised import Puzzle


@dataclass(frozen=True, kw_only=True)
class Inpainting:
    """The values at `hidden` are wanted, in that order, from all the others."""

    hidden: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 0 or len(set(self.hidden)) != len(self.hidden):
            raise ConfigError(
                f"Inpainting.hidden is {self.hidden}; expected different places counted from 0"
            )

    def __call__(self, examples: Num[Tensor, "b i"], generator: torch.Generator) -> Puzzle:
        length = examples.shape[1]
        if max(self.hidden) >= length or len(self.hidden) >= length:
            raise ConfigError(
                f"examples of {length} values cannot hide the places {self.hidden}; hide fewer, "
                f"from 0 to {length - 1}"
            )
        shown = [place for place in range(length) if place not in set(self.hidden)]
        return Puzzle(examples[:, shown], examples[:, list(self.hidden)])


def right_half(side: int) -> tuple[int, ...]:
    """The places of the right half of a square picture, row by row; of an odd side the smaller."""
    return tuple(
        row * side + column for row in range(side) for column in range(-(-side // 2), side)
    )
