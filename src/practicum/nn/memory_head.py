"""A head of a neural Turing machine as a way to read: by content, by place, onward from either.

Every query makes a key, its strength, a gate, shifts and a sharpness by a matrix, and moves the
head from where it stood (Graves et al. 2014, §3.3; the equations are `kernels.memory_addressing`):
content finds a row, a shift goes on from there, and a closed gate ignores the content. So queries
are read one after the other. All rows of the memory are real: a shift goes round all of them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.alignment import read
from practicum.kernels.memory_addressing import address, control_size, controls
from practicum.nn.alignment import Aligned
from practicum.nn.linear import LinearLayer
from practicum.nn.reader import Read


@dataclass(frozen=True, kw_only=True)
class MemoryHead:
    """Moves up to `reach` rows from query to query; 0 finds by content alone."""

    reach: int = 1

    def __post_init__(self) -> None:
        if self.reach < 0:
            raise ConfigError(f"MemoryHead.reach is {self.reach}; expected at least 0")

    def build(self, query: int, memory: int, slots: int | None = None) -> "MemoryHeadLayer":
        """The layer for queries and rows of these widths, however many rows there are."""
        return MemoryHeadLayer(query, memory, self)


class MemoryHeadLayer(nn.Module):
    def __init__(self, query: int, memory: int, description: MemoryHead) -> None:
        super().__init__()
        self.reach = description.reach
        others = control_size(memory, self.reach) - memory
        self.key = LinearLayer(query, {"key": memory}, bias=True)
        self.move = LinearLayer(query, {"move": others}, bias=True)  # strength, gate, shifts, γ

    def weights(
        self,
        query: Float[Tensor, "b q"],
        memory: Float[Tensor, "b s d"],
        before: Float[Tensor, "b s"],
    ) -> Float[Tensor, "b s"]:
        """Where the head goes, having stood at `before`."""
        raw = torch.cat([self.key(query), self.move(query)], dim=1)
        return address(controls(raw, memory.shape[2], self.reach), memory, before)

    def forward(
        self,
        queries: Float[Tensor, "b t q"],
        memory: Float[Tensor, "b s d"],
        *,
        before: Float[Tensor, "b s"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Read:
        """What is read by one query after the other; nothing is drawn.

        `before` is where the head stands at first; without it, at every row alike.
        """
        rows, slots, _ = memory.shape
        at = memory.new_full((rows, slots), 1 / slots) if before is None else before
        places = []
        for query in queries.unbind(1):
            at = self.weights(query, memory, at)
            places.append(at)
        weights = torch.stack(places, dim=1)
        aligned = Aligned(weights=weights, policy=weights)
        return Read(vectors=read(weights, memory), aligned=aligned)
