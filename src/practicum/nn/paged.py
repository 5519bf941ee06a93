"""Keys and values in blocks: rows that come and go share one memory (Kwon et al. 2023, §4).

A layer's `Pool` holds blocks of equally many tokens. A row's table names the blocks in which its
tokens lie, in order: the token at position p is in block table[p ÷ size], place p mod size. Several
rows may name the same block, as long as it is full and nobody writes to it. The tables are the same
for all layers, so that a read has one `Paging` and every layer a `PagedCache` of it. Who owns which
block is not decided here.

A `Step` is a read of one token in each row of which Python knows no more than how many rows there
are: tables and lengths stand in tensors. What a device has recorded of it can be played again over
other rows, after the tensors were written over.

Block 0 belongs to nobody: what a table leaves open is 0, and padding is written there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from practicum.kernels.paged_attention import gathered, paged_attention
from practicum.nn.seen import Seen
from practicum.nn.state import (
    Kept,
    Reading,
    apart,
    even,
    positions_of,
    seen_from_the_start,
    shortened,
    visible,
)

NOBODY = 0  # the block that padding is written to


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """One layer's memory: `n` blocks of `w` tokens for each key-value head."""

    keys: Float[Tensor, "n g w k"]
    values: Float[Tensor, "n g w c"]

    @property
    def nbytes(self) -> int:
        """Bytes allocated, also on the meta device."""
        return sum(t.numel() * t.element_size() for t in (self.keys, self.values))

    def clear(self, blocks: Sequence[int]) -> None:
        """Write zeros: a block that has held what is no number would spoil sums even unseen."""
        index = torch.tensor(list(blocks), device=self.keys.device, dtype=torch.long)
        self.keys[index] = 0
        self.values[index] = 0

    def write(
        self,
        block: Int[Tensor, "b t"],
        place: Int[Tensor, "b t"],
        k: Float[Tensor, "b g t k"],
        v: Float[Tensor, "b g t c"],
    ) -> None:
        """Put each token's key and value at its place in its block."""
        self.keys[block, :, place] = rearrange(k, "b g t k -> b t g k")
        self.values[block, :, place] = rearrange(v, "b g t c -> b t g c")


def empty_pool(
    blocks: int,
    size: int,
    heads: int,
    widths: tuple[int, int],  # of a key and of a value
    *,
    device: torch.device | str,
    dtype: torch.dtype,
) -> Pool:
    """A pool of zeros. On a CPU the system gives the memory when it is first written to."""
    keys, values = (_zeros((blocks, heads, size, width), device, dtype) for width in widths)
    return Pool(keys=keys, values=values)


def _zeros(
    shape: tuple[int, int, int, int], device: torch.device | str, dtype: torch.dtype
) -> Float[Tensor, "n g w c"]:
    if torch.device(device).type != "cpu":
        return torch.zeros(shape, device=device, dtype=dtype)
    count = math.prod(shape) * dtype.itemsize  # bytes; torch would write the zeros at once
    return torch.from_numpy(np.zeros(count, dtype=np.uint8)).view(dtype).view(shape)


class Paging:
    """Where the rows of one read lie, and where its `t` new tokens go: the same in every layer."""

    def __init__(
        self,
        tables: Sequence[Sequence[int]],
        lengths: Sequence[int],
        size: int,
        t: int,
        device: torch.device,
    ) -> None:
        """`lengths` tokens of each row are in its table already.

        A table may lack blocks for new tokens that are padding.
        """
        self.lengths = list(lengths)
        width = -(-(max(lengths) + t) // size)
        rows = [[*table[:width], *[NOBODY] * (width - len(table))] for table in tables]
        self.tables: Int[Tensor, "b m"] = torch.tensor(rows, dtype=torch.int32).to(device)
        at = positions_of(tuple(self.lengths), t, device)
        self.after: Int[Tensor, " b"] = (at[:, -1] + 1).int()  # tokens of each row after the read
        self.block: Int[Tensor, "b t"] = self.tables.long().gather(1, at // size)
        self.place: Int[Tensor, "b t"] = at % size


class PagedCache(Kept):
    """What one layer has kept of the rows of a read, and what it keeps of the next tokens."""

    def __init__(self, pool: Pool, paging: Paging) -> None:
        super().__init__(len(paging.lengths))
        self.lengths = list(paging.lengths)
        self.pool, self.paging = pool, paging

    def attend(self, q, k, v, scope, weighing):
        t = q.shape[2]
        whole = t > 1 and max(self.paging.lengths) == 0  # then nothing in blocks is looked at
        if whole or weighing.bias is not None or weighing.cap is not None or weighing.dropout:
            return super().attend(q, k, v, scope, weighing)
        self._write(k, v)
        self.counted(t)
        return paged_attention(
            q,
            self.pool.keys,
            self.pool.values,
            self.paging.tables,
            self.paging.after,
            scale=weighing.scale,
            window=scope.window,
        )

    def see(self, k, v, scope):
        t, starts = k.shape[2], tuple(self.paging.lengths)
        self._write(k, v)
        self.counted(t)
        if max(starts) == 0:
            return seen_from_the_start(k, v, scope)
        keys, values = gathered(self.pool.keys, self.pool.values, self.paging.tables)
        s = keys.shape[2]
        starts = starts[:1] if even(starts) else starts
        return Seen(
            keys=keys,
            values=values,
            mask=visible(starts, t, s, scope, k.device),
            distances=partial(apart, starts, t, s, k.device),
        )

    def _write(self, k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"]) -> None:
        assert self.lengths == self.paging.lengths, "a paged cache serves one read"
        self.pool.write(self.paging.block, self.paging.place, k, v)

    def select(self, rows: Sequence[int]) -> None:
        raise NotImplementedError("rows of a paged cache are chosen by whoever owns the tables")

    def truncate(self, lengths: Sequence[int]) -> None:
        self.lengths = shortened(self.lengths, lengths)

    @property
    def nbytes(self) -> int:
        return self.pool.nbytes


class Step:
    """The past of rows that read one token each, `lengths` of whose tokens are in blocks already.

    Everything is made from the two tensors as they are now, on their device. A row that is padding
    has a table of `NOBODY` and a length of 0. No length reaches `reach`, nor the table's end.
    """

    def __init__(
        self,
        pools: Sequence[Pool],  # one for each layer
        tables: Int[Tensor, "b m"],
        lengths: Int[Tensor, " b"],
        reach: int,
    ) -> None:
        size = pools[0].keys.shape[2]
        self.pools, self.tables, self._reach = pools, tables, reach
        self.at: Int[Tensor, "b 1"] = lengths.long()[:, None]
        self.after: Int[Tensor, " b"] = lengths + 1
        self.block: Int[Tensor, "b 1"] = tables.long().gather(1, self.at // size)
        self.place: Int[Tensor, "b 1"] = self.at % size

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b 1"]:
        assert t == 1, f"a step reads one token, not {t}"
        return self.at  # one tensor in all layers, by which `kernels.rotary.turns` knows it again

    def reach(self, t: int) -> int:
        return self._reach

    def of_block(self, index: int) -> "StepCache":
        return StepCache(self.pools[index], self)


class StepCache(Reading):
    """What one layer has kept of the rows of a `Step`."""

    def __init__(self, pool: Pool, step: Step) -> None:
        self.pool, self.step = pool, step

    def positions(self, t, device):
        return self.step.positions(t, device)

    def reach(self, t):
        return self.step.reach(t)

    def attend(self, q, k, v, scope, weighing):
        if weighing.bias is not None or weighing.cap is not None or weighing.dropout:
            return super().attend(q, k, v, scope, weighing)
        self.pool.write(self.step.block, self.step.place, k, v)
        return paged_attention(
            q,
            self.pool.keys,
            self.pool.values,
            self.step.tables,
            self.step.after,
            scale=weighing.scale,
            window=scope.window,
        )

    def see(self, k, v, scope):
        self.pool.write(self.step.block, self.step.place, k, v)
        keys, values = gathered(self.pool.keys, self.pool.values, self.step.tables)
        query = self.step.at[:, :, None]
        key = torch.arange(keys.shape[2], device=k.device)[None, None]
        return Seen(
            keys=keys,
            values=values,
            mask=scope.admits(query, key)[:, None],
            distances=lambda: query - key,
        )
