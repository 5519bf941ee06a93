"""What a network has read so far: where tokens stand, and what a query may see.

A mixer called without a state reads whole sequences; with one, it appends `t ≥ 1` tokens to what
each row has seen. Prefill, chunked prefill, single steps and the check of a draft are the same
call. The state owns how the past is kept and read, so a layer never asks which kind it holds:

- `Whole` keeps nothing: rows are sequences read at once (training);
- `BothWays` keeps nothing: rows read at once whose tokens see each other (an encoder);
- `Packed` keeps nothing: rows hold several documents that do not see each other (packed training);
- `Kept` is what remembers (decoding): the caches of `nn.cache` and the states of `nn.recurrence`.

Rows of different length are padded on the right, and the state is told beforehand how much is real
(`Kept.expect`): padding is never seen and changes nothing that is kept.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.errors import ModelError
from practicum.nn.seen import Scope, Seen, Weighing


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

    def expect(self, counts: Sequence[int]) -> None:
        """Of the tokens that come next, only the first counts[i] of row i are real."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes allocated, also on the meta device."""
        ...


class Reading(ABC):
    """How attention reads: where `t` new tokens stand, and what their queries see."""

    @abstractmethod
    def positions(self, t: int, device: torch.device) -> Int[Tensor, "#b t"]: ...

    @abstractmethod
    def reach(self, t: int) -> int:
        """A number above every position of the next `t` tokens, without a look at a tensor."""

    @abstractmethod
    def see(self, k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"], scope: Scope) -> Seen:
        """Take in the keys and values of `t` new tokens; what their queries may look at."""

    def starts(self, t: int, device: torch.device) -> Bool[Tensor, "#b t"] | None:
        """Where a document begins among the next `t` tokens; None: at position 0 alone."""
        return None

    def real(self, t: int, device: torch.device) -> Bool[Tensor, "b t"] | None:
        """Which of the next `t` tokens are no padding; None: all."""
        return None

    def attend(
        self,
        q: Float[Tensor, "b h t k"],
        k: Float[Tensor, "b g t k"],
        v: Float[Tensor, "b g t c"],
        scope: Scope,
        weighing: Weighing,
    ) -> Float[Tensor, "b h t c"]:
        """The values that the new tokens' queries gather."""
        return self.see(k, v, scope).gather(q, weighing)


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

    def see(self, k, v, scope):
        return seen_from_the_start(k, v, scope)


class BothWays(Reading):
    """Reads each row as one sequence in which every token sees every real one, and keeps nothing.

    `real` is false where a row is padded; None: nowhere. A row without a real token is refused by
    whoever makes the batch: it would have nothing to look at.
    """

    def __init__(self, real: Bool[Tensor, "b t"] | None = None) -> None:
        self.mask = None if real is None else real[:, None, None, :]
        self._real = real

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "1 t"]:
        return positions_of((0,), t, device)

    def reach(self, t: int) -> int:
        return t

    def of_block(self, index: int) -> "BothWays":
        return self

    def real(self, t, device):
        return self._real

    def see(self, k, v, scope):
        mask, t = self.mask, k.shape[2]
        if scope.window is not None:
            place = torch.arange(t, device=k.device)
            near = (place[:, None] - place).abs() < scope.window
            near = near | (place < scope.first)
            mask = near[None, None] if mask is None else mask & near
        elif mask is not None:
            mask = mask.expand(-1, -1, t, -1)
        return Seen(keys=k, values=v, mask=mask, distances=partial(apart, (0,), t, t, k.device))


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
        self._index, self._fresh = index, fresh

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "b t"]:
        assert t == self.segments.shape[1], f"{t} tokens for {self.segments.shape[1]} segment ids"
        return self._positions

    def reach(self, t: int) -> int:
        return t

    def of_block(self, index: int) -> "Packed":
        return self

    def starts(self, t, device):
        return self._fresh

    def see(self, k, v, scope):
        mask, t = self._mask, k.shape[2]
        if scope.window is not None:
            near = self._index[:, None] - self._index < scope.window
            if scope.first:
                near = near | (self._positions < scope.first)[:, None, None]
            mask = mask & near
        return Seen(keys=k, values=v, mask=mask, distances=partial(apart, (0,), t, t, k.device))


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A past as it was, to come back to. What a cache holds need not be kept twice."""

    lengths: tuple[int, ...]
    kept: Mapping[str, Tensor]


class Kept(Reading):
    """What remembers: rows of `lengths` tokens, to which every call appends."""

    def __init__(self, rows: int) -> None:
        self.lengths = [0] * rows
        self._counts: list[int] | None = None

    def expect(self, counts: Sequence[int]) -> None:
        """Of the tokens that come next, only the first counts[i] of row i are real."""
        if len(counts) != len(self.lengths) or any(count < 0 for count in counts):
            raise ModelError(f"{list(counts)} real tokens for {len(self.lengths)} rows")
        self._counts = list(counts)

    def positions(self, t: int, device: torch.device) -> Int[Tensor, "#b t"]:
        lengths = tuple(self.lengths)
        return positions_of(lengths[:1] if even(lengths) else lengths, t, device)

    def reach(self, t: int) -> int:
        return max(self.lengths) + t

    def real(self, t, device):
        counts = self._counts
        if counts is None or all(count >= t for count in counts):
            return None
        return torch.arange(t, device=device) < torch.tensor(counts, device=device)[:, None]

    def counted(self, t: int) -> list[int]:
        """Let `t` tokens have been read: how many were real in each row."""
        counts = [t] * len(self.lengths) if self._counts is None else self._counts
        counts = [min(t, count) for count in counts]
        self._counts = None
        self.lengths = [n + count for n, count in zip(self.lengths, counts, strict=True)]
        return counts

    @abstractmethod
    def select(self, rows: Sequence[int]) -> None: ...

    @abstractmethod
    def truncate(self, lengths: Sequence[int]) -> None: ...

    @property
    @abstractmethod
    def nbytes(self) -> int: ...

    def snapshot(self) -> Snapshot:
        """The past as it is now."""
        return Snapshot(lengths=tuple(self.lengths), kept={})

    def restore(self, before: Snapshot) -> None:
        """Be as at the time of the snapshot, since when tokens were only appended."""
        self.truncate(before.lengths)


def seen_from_the_start(
    k: Float[Tensor, "b g t k"], v: Float[Tensor, "b g t c"], scope: Scope
) -> Seen:
    """What the queries of a whole text may look at."""
    t, device = k.shape[2], k.device
    distances = partial(apart, (0,), t, t, device)
    if scope.holds(t):
        return Seen(keys=k, values=v, causal=True, distances=distances)
    if scope.first:
        mask = visible((0,), t, t, scope, device)
        return Seen(keys=k, values=v, mask=mask, distances=distances)
    return Seen(keys=k, values=v, causal=True, window=scope.window, distances=distances)


def even(lengths: Sequence[int]) -> bool:
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
    lengths: tuple[int, ...], t: int, s: int, scope: Scope, device: torch.device
) -> Bool[Tensor, "b 1 t s"]:
    """True where the query at position lengths[i] + j may look, among keys at 0…s − 1."""
    query = positions_of(lengths, t, device)[:, :, None]
    return scope.admits(query, torch.arange(s, device=device)[None, None])[:, None]


def apart(lengths: tuple[int, ...], t: int, s: int, device: torch.device) -> Int[Tensor, "b t s"]:
    """How far keys at 0…s − 1 lie before the queries at lengths[i] + j."""
    return positions_of(lengths, t, device)[:, :, None] - torch.arange(s, device=device)
