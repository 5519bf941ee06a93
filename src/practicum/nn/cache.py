"""Caches of keys and values: everything in a rectangle, or a window in a ring.

`KeyValueCache` keeps every token. `RingCache` keeps the latest ones of a sliding window, the token
at position p in slot p mod R (Jiang et al. 2023, Fig. 2), and the first few where they stay in
sight; its size does not grow with the text. Keys come in turned by their absolute positions, so
that nothing kept is ever turned again, and a mask made of the positions tells what is seen.
"""

from collections.abc import Sequence
from functools import partial

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ModelError
from practicum.nn.seen import Scope, Seen
from practicum.nn.state import (
    Kept,
    apart,
    even,
    positions_of,
    seen_from_the_start,
    shortened,
    visible,
)

SLACK = 32  # tokens beyond its window that a ring keeps, and so many can be forgotten again


def cache_for(
    scope: Scope,
    rows: int,
    capacity: int,
    heads: int,
    widths: tuple[int, int],  # of a key and of a value
    *,
    device: torch.device | str,
    dtype: torch.dtype,
) -> "KeyValueCache | RingCache":
    """The smaller cache that serves: a ring where the window is shorter than the text may get."""
    if scope.window is not None and scope.first + scope.window + SLACK < capacity:
        return RingCache(scope, rows, heads, widths, device=device, dtype=dtype)
    return KeyValueCache(rows, capacity, heads, widths, device=device, dtype=dtype)


class _Rows(Kept):
    """Keys and values of rows, each in as many slots."""

    def __init__(
        self,
        rows: int,
        slots: int,
        heads: int,
        widths: tuple[int, int],
        *,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(rows)
        # zeros, not empty: a padded slot may be multiplied by a weight of zero, and 0 · NaN is NaN
        self.keys, self.values = (
            torch.zeros(rows, heads, slots, width, device=device, dtype=dtype) for width in widths
        )

    def select(self, rows: Sequence[int]) -> None:
        index = torch.tensor(list(rows), device=self.keys.device, dtype=torch.long)
        self.keys, self.values = self.keys[index], self.values[index]
        self.lengths = [self.lengths[row] for row in rows]

    @property
    def nbytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (self.keys, self.values))


class KeyValueCache(_Rows):
    """Every key and value of every row, in one rectangle of `capacity` tokens per row."""

    def __init__(
        self,
        rows: int,
        capacity: int,
        heads: int,
        widths: tuple[int, int],  # of a key and of a value
        *,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(rows, capacity, heads, widths, device=device, dtype=dtype)

    def see(self, k, v, scope):
        t, capacity = k.shape[2], self.keys.shape[2]
        longest = max(self.lengths) + t
        if longest > capacity:
            raise ModelError(
                f"a cache of {capacity} tokens cannot take token {longest}; "
                "ask for a larger capacity or a shorter text"
            )
        self._append(k, v)
        lengths = tuple(self.lengths)
        self.counted(t)
        keys, values = self.keys[:, :, :longest], self.values[:, :, :longest]
        same = even(lengths)
        if same and lengths[0] == 0 and t > 1:
            return seen_from_the_start(keys, values, scope)
        starts = lengths[:1] if same else lengths
        distances = partial(apart, starts, t, longest, k.device)
        mask = None
        if t > 1 or not same or not scope.holds(longest):
            mask = visible(starts, t, longest, scope, k.device)
        return Seen(keys=keys, values=values, mask=mask, distances=distances)

    def _append(self, k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"]) -> None:
        t = k.shape[2]
        if even(self.lengths):
            start = self.lengths[0]
            self.keys[:, :, start : start + t] = k
            self.values[:, :, start : start + t] = v
            return
        at = positions_of(tuple(self.lengths), t, k.device)
        row = torch.arange(at.shape[0], device=k.device)[:, None]
        self.keys[row, :, at] = rearrange(k, "b g t k -> b t g k")
        self.values[row, :, at] = rearrange(v, "b g t c -> b t g c")

    def truncate(self, lengths: Sequence[int]) -> None:
        self.lengths = shortened(self.lengths, lengths)


class RingCache(_Rows):
    """The keys and values that a window of `scope` still sees, and the `SLACK` before them."""

    def __init__(
        self,
        scope: Scope,
        rows: int,
        heads: int,
        widths: tuple[int, int],
        *,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        assert scope.window is not None, "a ring is as long as a window"
        self.first, self.ring = scope.first, scope.window + SLACK
        slots = self.first + self.ring
        super().__init__(rows, slots, heads, widths, device=device, dtype=dtype)
        self._written = [0] * rows  # how far each row has ever been written

    def see(self, k, v, scope):
        t, device = k.shape[2], k.device
        starts = tuple(self.lengths)
        counts = self.counted(t)
        query = positions_of(starts, t, device)
        if t <= SLACK + 1:  # what is overwritten no query sees
            self._write(k, v, starts, counts)
            keys, values, place = self.keys, self.values, self._places(device)
        else:
            before = self._places(device)
            before = torch.where(before < query[:, :1], before, -1)  # not what was forgotten
            keys = torch.cat([self.keys, k], dim=2)
            values = torch.cat([self.values, v], dim=2)
            place = torch.cat([before, query], dim=1)
            self._write(k, v, starts, counts)
        mask = (scope.admits(query[:, :, None], place[:, None]) & (place >= 0)[:, None])[:, None]
        if min(counts) < t:  # padding that sees nothing would be no number
            mask = mask | ~mask.any(-1, keepdim=True)
        return Seen(
            keys=keys,
            values=values,
            mask=mask,
            distances=lambda: query[:, :, None] - place[:, None],
        )

    def _write(self, k: Tensor, v: Tensor, starts: tuple[int, ...], counts: Sequence[int]) -> None:
        t, device = k.shape[2], k.device
        ends = [start + count for start, count in zip(starts, counts, strict=True)]
        self._written = [max(*pair) for pair in zip(self._written, ends, strict=True)]
        position = positions_of(starts, t, device)
        if even(ends) and even(starts) and min(counts) == t <= self.ring:
            slot = self._slot(position[0])
            self.keys[:, :, slot], self.values[:, :, slot] = k, v
            return
        end = torch.tensor(ends, device=device)[:, None]
        stays = (position >= end - self.ring) | (position < self.first)
        row, j = ((position < end) & stays).nonzero(as_tuple=True)
        slot = self._slot(position[row, j])
        self.keys[row, :, slot], self.values[row, :, slot] = k[row, :, j], v[row, :, j]

    def _slot(self, position: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        turn = self.first + (position - self.first) % self.ring
        return torch.where(position < self.first, position, turn)

    def _places(self, device: torch.device) -> Int[Tensor, "b s"]:
        """The position of the token in each slot; −1 where there is none."""
        slot = torch.arange(self.first + self.ring, device=device)
        written = torch.tensor(self._written, device=device)[:, None]
        last = written - 1 - self.first  # counted from the ring's first token, as are turns
        turn = last - (last - (slot - self.first)) % self.ring
        turned = torch.where(turn >= 0, turn + self.first, -1)
        place = torch.where(slot < self.first, slot, turned)
        return torch.where(place < written, place, -1)

    def truncate(self, lengths: Sequence[int]) -> None:
        """Raises ModelError where more is to be forgotten than the ring keeps beyond its window."""
        wanted = shortened(self.lengths, lengths)
        for new, written in zip(wanted, self._written, strict=True):
            if written > new + SLACK and written > self.ring + self.first:
                raise ModelError(
                    f"a ring that has read {written} tokens cannot go back to {new}; "
                    f"it keeps {SLACK} tokens beyond its window"
                )
        self.lengths = wanted

    def select(self, rows: Sequence[int]) -> None:
        super().select(rows)
        self._written = [self._written[row] for row in rows]
