"""What a network has read so far: how the past is kept, where tokens stand, what a query may see.

A mixer called without a state reads whole sequences; with one, it appends `t ≥ 1` tokens to what
each row has seen. Prefill, chunked prefill, single steps and the check of a draft are the same
call. The state owns how the past is kept and read, so a layer never asks which kind it holds:

- `Whole` keeps nothing: rows are sequences read at once (training);
- `BothWays` keeps nothing: rows read at once whose tokens see each other (an encoder);
- `Packed` keeps nothing: rows hold several documents that do not see each other (packed training);
- `KeyValueCache` keeps every key and value (decoding).

Rows of different length: append right-padded rows, then `truncate` to the real lengths; what was
padded is overwritten later and never seen, since the future does not reach the past.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.errors import ModelError
from practicum.kernels.attention import attention


class State(Protocol):
    """What decoding needs of any mixer's past. `lengths` counts the tokens each row has seen."""

    @property
    def lengths(self) -> list[int]: ...

    def select(self, rows: Sequence[int]) -> None:
        """Keep, reorder or repeat rows: row i becomes what row rows[i] was."""
        ...

    def truncate(self, lengths: Sequence[int]) -> None:
        """Forget, in each row, the tokens after the first lengths[i]."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes allocated, also on the meta device."""
        ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What queries may look at: keys, values, and where; arguments of `kernels.attention`."""

    keys: Float[Tensor, "b g s k"]
    values: Float[Tensor, "b g s c"]
    mask: Bool[Tensor, "#b 1 #t s"] | None = None
    causal: bool = False  # query i sees keys 0…i, and no mask is needed

    def gather(
        self, q: Float[Tensor, "b h t k"], *, scale: float, dropout: float = 0.0
    ) -> Float[Tensor, "b h t c"]:
        """What every query gathers."""
        return attention(
            q,
            self.keys,
            self.values,
            mask=self.mask,
            causal=self.causal,
            scale=scale,
            dropout=dropout,
        )


class Reading(ABC):
    """How attention reads: where `t` new tokens stand, and what their queries see."""

    @abstractmethod
    def positions(self, t: int, device: torch.device) -> Int[Tensor, "#b t"]: ...

    @abstractmethod
    def reach(self, t: int) -> int:
        """A number above every position of the next `t` tokens, without a look at a tensor."""

    @abstractmethod
    def see(
        self, k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"], window: int | None
    ) -> Seen:
        """Take in the keys and values of `t` new tokens; what their queries may look at."""

    def attend(
        self,
        q: Float[Tensor, "b h t k"],
        k: Float[Tensor, "b g t k"],
        v: Float[Tensor, "b g t c"],
        *,
        scale: float,
        window: int | None,
        dropout: float,
    ) -> Float[Tensor, "b h t c"]:
        """The values that the new tokens' queries gather."""
        return self.see(k, v, window).gather(q, scale=scale, dropout=dropout)


class Past(Protocol):
    """How a stack reads: the same for all blocks but for what each has kept."""

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]: ...

    def reach(self, t: int) -> int:
        """As `Reading.reach`."""
        ...

    def of_block(self, index: int) -> Reading: ...


class Whole(Reading):
    """Reads each row as one sequence, from position 0, and keeps nothing."""

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "1 t"]:
        return positions_of((0,), t, device)

    def reach(self, t: int) -> int:
        return t

    def of_block(self, index: int) -> "Whole":
        return self

    def see(self, k, v, window):
        t = k.shape[2]
        if window is None or window >= t:
            return Seen(keys=k, values=v, causal=True)
        return Seen(keys=k, values=v, mask=visible((0,), t, t, window, k.device))


class BothWays(Reading):
    """Reads each row as one sequence in which every token sees every real one, and keeps nothing.

    `real` is false where a row is padded; None: nowhere. A row without a real token is refused by
    whoever makes the batch: it would have nothing to look at.
    """

    def __init__(self, real: Bool[Tensor, "b t"] | None = None) -> None:
        self.mask = None if real is None else real[:, None, None, :]

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "1 t"]:
        return positions_of((0,), t, device)

    def reach(self, t: int) -> int:
        return t

    def of_block(self, index: int) -> "BothWays":
        return self

    def see(self, k, v, window):
        mask, t = self.mask, k.shape[2]
        if window is not None:
            place = torch.arange(t, device=k.device)
            near = (place[:, None] - place).abs() < window
            mask = near[None, None] if mask is None else mask & near
        elif mask is not None:
            mask = mask.expand(-1, -1, t, -1)
        return Seen(keys=k, values=v, mask=mask)


class Packed(Reading):
    """Reads rows that hold several documents; positions restart and attention stops at each start.

    `segments` numbers the documents of a row from left to right; equal numbers that touch are one.
    """

    def __init__(self, segments: Int[Tensor, "b t"]) -> None:
        self.segments = segments
        index = torch.arange(segments.shape[1], device=segments.device)
        fresh = torch.ones_like(segments, dtype=torch.bool)
        fresh[:, 1:] = segments[:, 1:] != segments[:, :-1]
        starts = torch.where(fresh, index, 0).cummax(dim=1).values
        self._positions = index - starts
        same = starts[:, :, None] == starts[:, None, :]
        self._mask = (same & (index[:, None] >= index))[:, None]
        self._index = index

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]:
        assert t == self.segments.shape[1], f"{t} tokens for {self.segments.shape[1]} segment ids"
        return self._positions

    def reach(self, t: int) -> int:
        return t

    def of_block(self, index: int) -> "Packed":
        return self

    def see(self, k, v, window):
        mask = self._mask
        if window is not None:
            mask = mask & (self._index[:, None] - self._index < window)
        return Seen(keys=k, values=v, mask=mask)


class KeyValueCache(Reading):
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
        # zeros, not empty: a padded slot may be multiplied by a weight of zero, and 0 · NaN is NaN
        self.keys, self.values = (
            torch.zeros(rows, heads, capacity, width, device=device, dtype=dtype)
            for width in widths
        )
        self.lengths = [0] * rows

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]:
        lengths = tuple(self.lengths)
        return positions_of(lengths[:1] if _even(lengths) else lengths, t, device)

    def reach(self, t: int) -> int:
        return max(self.lengths) + t

    def see(self, k, v, window):
        t, capacity = k.shape[2], self.keys.shape[2]
        longest = max(self.lengths) + t
        if longest > capacity:
            raise ModelError(
                f"a cache of {capacity} tokens cannot take token {longest}; "
                "ask for a larger capacity or a shorter text"
            )
        self._append(k, v)
        lengths = tuple(self.lengths)
        self.lengths = [length + t for length in lengths]
        keys, values = self.keys[:, :, :longest], self.values[:, :, :longest]
        even = _even(lengths)
        if even and (window is None or window >= longest):
            if t == 1:
                return Seen(keys=keys, values=values)
            if lengths[0] == 0:
                return Seen(keys=keys, values=values, causal=True)
        mask = visible(lengths[:1] if even else lengths, t, longest, window, k.device)
        return Seen(keys=keys, values=values, mask=mask)

    def _append(self, k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"]) -> None:
        t = k.shape[2]
        if _even(self.lengths):
            start = self.lengths[0]
            self.keys[:, :, start : start + t] = k
            self.values[:, :, start : start + t] = v
            return
        at = positions_of(tuple(self.lengths), t, k.device)
        row = torch.arange(at.shape[0], device=k.device)[:, None]
        self.keys[row, :, at] = rearrange(k, "b g t k -> b t g k")
        self.values[row, :, at] = rearrange(v, "b g t c -> b t g c")

    def select(self, rows: Sequence[int]) -> None:
        index = torch.tensor(list(rows), device=self.keys.device, dtype=torch.long)
        self.keys, self.values = self.keys[index], self.values[index]
        self.lengths = [self.lengths[row] for row in rows]

    def truncate(self, lengths: Sequence[int]) -> None:
        self.lengths = shortened(self.lengths, lengths)

    @property
    def nbytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (self.keys, self.values))


def _even(lengths: Sequence[int]) -> bool:
    """Whether all rows have read equally much, so that one mask and one slice serve them all."""
    return len(set(lengths)) == 1


def shortened(current: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """`wanted` as a list. Raises ModelError where a row is to be longer than it is, or negative."""
    if len(current) != len(wanted) or any(
        not 0 <= new <= old for new, old in zip(wanted, current, strict=True)
    ):
        raise ModelError(f"cannot truncate rows of {list(current)} tokens to {list(wanted)}")
    return list(wanted)


# The masks and positions of one call are the same in every block of a stack, and the next call
# needs others: the two latest are kept.
@lru_cache(maxsize=2)
@torch.inference_mode(False)  # may be made while generating and used while training
def positions_of(lengths: tuple[int, ...], t: int, device: torch.device) -> Int[Tensor, "b t"]:
    """Positions of the `t` tokens that follow `lengths[i]` tokens in row i."""
    starts = torch.tensor(lengths, device=device)
    return starts[:, None] + torch.arange(t, device=device)


@lru_cache(maxsize=2)
@torch.inference_mode(False)
def visible(
    lengths: tuple[int, ...], t: int, s: int, window: int | None, device: torch.device
) -> Bool[Tensor, "b 1 t s"]:
    """True where the query at position lengths[i] + j may look: at the latest `window` tokens.

    Query m sees key n when m − window < n ≤ m; without a window every n ≤ m.
    """
    query = positions_of(lengths, t, device)[:, None, :, None]
    key = torch.arange(s, device=device)
    seen = key <= query
    return seen if window is None else seen & (key > query - window)
