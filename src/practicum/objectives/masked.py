"""Hiding single values at random: a masked token, pixel or cell (Devlin et al. 2019, §3.1).

Every hidden place is marked, all hidden places are wanted, none of the others. Unlike BERT nothing
is left in place or swapped among what is hidden.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Num
from torch import Tensor

from practicum.errors import ConfigError
from practicum.objectives.corruption import places
from practicum.objectives.self_supervised import Puzzle


@dataclass(frozen=True, kw_only=True)
class Masked:
    """Each value is hidden with probability `share`; `mark` stands in its place.

    For texts `mark` is an id kept for this; for numbers one that says little, such as the mean.
    Where a cell became several values (a word of a table is one of many indicators), `groups` says
    how many neighbours along the last axis are hidden together.
    """

    share: float = 0.15
    mark: float = 0
    groups: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"Masked.share is {self.share}; expected above 0, at most 1")
        if self.groups and min(self.groups) < 1:
            raise ConfigError(f"Masked.groups are {self.groups}; expected sizes of 1 or more")

    def __call__(self, examples: Num[Tensor, "b ..."], generator: torch.Generator) -> Puzzle:
        """Raises ConfigError where the groups are not the values of an example."""
        if self.groups and sum(self.groups) != examples.shape[-1]:
            raise ConfigError(
                f"groups of {sum(self.groups)} values do not make {examples.shape[-1]}"
            )
        if self.groups:
            sizes = torch.tensor(self.groups)
            cells = examples[..., : len(sizes)]
            hidden = places(cells, self.share, generator).repeat_interleave(sizes, -1)
        else:
            hidden = places(examples, self.share, generator)
        return Puzzle(examples.masked_fill(hidden, self.mark), examples, hidden)
