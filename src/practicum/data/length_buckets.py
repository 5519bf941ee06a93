"""Batches of pairs of similar length, so that little of a batch is padding.

An epoch is drawn in the order of `practicum.data.loader` and taken a pool at a time; the pool is
sorted by length, cut into batches, and the batches come in an order of their own. With `rows` alone
this is the procedure of Bahdanau et al. 2014, App. B.2 (pools of 1600, batches of 80); with
`tokens` a batch holds as many pairs as fit, padding included (Vaswani et al. 2017, §5.1).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from practicum.data.loader import epoch_order
from practicum.data.parallel import TokenPair
from practicum.errors import CheckpointError, ConfigError, DataError
from practicum.seeding import derive


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """How large a batch may be, in pairs and in padded tokens of either side."""

    rows: int | None = 80
    tokens: int | None = None
    pool: int = 1600  # pairs sorted together: more of them pad less and mix less

    def __post_init__(self) -> None:
        if self.rows is None and self.tokens is None:
            raise ConfigError("Buckets limits neither rows nor tokens; give one or both")
        for name, value in (("rows", self.rows), ("tokens", self.tokens), ("pool", self.pool)):
            if value is not None and value < 1:
                raise ConfigError(f"Buckets.{name} is {value}; expected at least 1")

    def holds(self, count: int, longest: int) -> bool:
        """Whether `count` pairs of at most `longest` tokens a side make a batch."""
        return (self.rows is None or count <= self.rows) and (
            self.tokens is None or count * longest <= self.tokens
        )


class BucketLoader:
    """Batches without end: a source for the loop of training. No batch reaches over two epochs."""

    def __init__(self, pairs: Sequence[TokenPair], buckets: Buckets, *, seed: int) -> None:
        if len(pairs) == 0:
            raise DataError("there are no pairs to draw from; give a parallel text with some")
        self.pairs, self.buckets, self.seed = pairs, buckets, seed
        self._lengths = [(len(pair.source), len(pair.target)) for pair in pairs]
        longest = max(map(max, self._lengths))
        if not buckets.holds(1, longest):
            raise DataError(
                f"the longest side of a pair has {longest} tokens and a batch holds "
                f"{buckets.tokens}; allow more tokens or leave out long pairs"
            )
        self._epoch, self._place = 0, 0
        self._batches = self._cut(0)

    def __iter__(self) -> Iterator[list[TokenPair]]:
        return self

    def __next__(self) -> list[TokenPair]:
        if self._place == len(self._batches):
            self._epoch, self._place = self._epoch + 1, 0
            self._batches = self._cut(self._epoch)
        batch = self._batches[self._place]
        self._place += 1
        return [self.pairs[i] for i in batch]

    def position(self) -> dict[str, Any]:
        """Where the loader stands, as JSON data for a checkpoint."""
        return {"epoch": self._epoch, "batch": self._place, **self._identity()}

    def seek(self, position: dict[str, Any]) -> None:
        """Stand where `position()` was taken; the next batch is the one that came next then.

        Raises CheckpointError for other pairs, another seed or batches cut otherwise.
        """
        for name, own in self._identity().items():
            if position.get(name) != own:
                raise CheckpointError(
                    f"the checkpoint's data had {name} = {position.get(name)}, this has {own}; "
                    "go on with the same data, batches and seed, or start afresh"
                )
        self._epoch, self._place = int(position["epoch"]), int(position["batch"])
        self._batches = self._cut(self._epoch)

    def _identity(self) -> dict[str, Any]:
        limits = {"rows": self.buckets.rows, "tokens": self.buckets.tokens}
        return {"pairs": len(self.pairs), "seed": self.seed, "pool": self.buckets.pool, **limits}

    def _cut(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch, as numbers of pairs, in the order in which they come."""
        order = epoch_order(len(self.pairs), epoch, self.seed).tolist()
        shuffle = np.random.default_rng(derive(self.seed, "buckets", epoch))
        batches: list[list[int]] = []
        for start in range(0, len(order), self.buckets.pool):
            pool = sorted(order[start : start + self.buckets.pool], key=self._lengths.__getitem__)
            cut = _cut_pool(pool, self._lengths, self.buckets)
            batches += [cut[i] for i in shuffle.permutation(len(cut))]
        return batches


def in_buckets(pairs: Sequence[TokenPair], buckets: Buckets) -> list[list[TokenPair]]:
    """Every pair once, the short ones first, in such batches: for evaluation."""
    lengths = [(len(pair.source), len(pair.target)) for pair in pairs]
    order = sorted(range(len(pairs)), key=lengths.__getitem__)
    return [[pairs[i] for i in batch] for batch in _cut_pool(order, lengths, buckets)]


def _cut_pool(
    pool: list[int], lengths: Sequence[tuple[int, int]], buckets: Buckets
) -> list[list[int]]:
    """The sorted numbers in `pool` as batches; a pair too long for any has one of its own."""
    batches: list[list[int]] = [[]]
    longest = 0
    for i in pool:
        longest = max(longest, *lengths[i])
        if batches[-1] and not buckets.holds(len(batches[-1]) + 1, longest):
            batches.append([])
            longest = max(lengths[i])
        batches[-1].append(i)
    return batches
