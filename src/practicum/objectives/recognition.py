"""Recognising a change: which of a few was made? Rotations (Gidaris et al. 2018), or shifts.

What can tell a picture that stands on its head knows what is up in it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Num
from torch import Tensor

from practicum.errors import ConfigError
from practicum.objectives.corruption import Corruption, Moved, Turned
from practicum.objectives.self_supervised import Puzzle


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Each example has undergone one of `changes`; which is wanted, as a class from 0."""

    changes: tuple[Corruption, ...]

    def __post_init__(self) -> None:
        if len(self.changes) < 2:
            raise ConfigError(
                f"Recognition needs two changes or more to tell apart; got {len(self.changes)}"
            )

    def __call__(self, examples: Num[Tensor, "b ..."], generator: torch.Generator) -> Puzzle:
        made = torch.randint(len(self.changes), (len(examples),), generator=generator)
        changed = examples.clone()
        for number, change in enumerate(self.changes):
            rows = made == number
            if rows.any():
                changed[rows] = change(examples[rows], generator)
        return Puzzle(changed, made)


def rotations() -> Recognition:
    """How many quarters a square picture was turned, 0 to 3."""
    return Recognition(changes=tuple(Turned(quarters=quarters) for quarters in range(4)))


def moves(*by: tuple[int, int]) -> Recognition:
    """By which of these, (right, down) in pixels, a square picture was moved."""
    return Recognition(changes=tuple(Moved(moves=(move,)) for move in by))
