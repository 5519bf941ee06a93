"""Another sequence to look at: the keys and values that cross-attention reads, made once.

A decoder's block asks its layer for them when a source is first read (`AttentionLayer.source`);
from then on every step reads the same ones.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from practicum.nn.seen import Seen, Weighing


class Source:
    """Keys and values of every row's source; `real` is false where a source is padded."""

    def __init__(
        self,
        keys: Float[Tensor, "b g s k"],
        values: Float[Tensor, "b g s c"],
        real: Bool[Tensor, "b s"] | None,
    ) -> None:
        self.keys, self.values, self.real = keys, values, real

    def attend(self, q: Float[Tensor, "b h t k"], weighing: Weighing) -> Float[Tensor, "b h t c"]:
        """What the queries gather from all real places of their row's source."""
        return self.see(q.shape[2]).gather(q, weighing)

    def see(self, t: int) -> Seen:
        """What `t` queries may look at."""
        mask = None
        if self.real is not None:
            mask = self.real[:, None, None, :].expand(-1, -1, t, -1)
        return Seen(keys=self.keys, values=self.values, mask=mask)

    def select(self, rows: Sequence[int]) -> None:
        """Keep, reorder or repeat rows: row i becomes what row rows[i] was."""
        index = torch.tensor(list(rows), device=self.keys.device, dtype=torch.long)
        self.keys, self.values = self.keys[index], self.values[index]
        self.real = None if self.real is None else self.real[index]

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        return sum(t.numel() * t.element_size() for t in (self.keys, self.values))
