"""How often each piece occurs in texts, however many: what learning merges begins with.

Texts are read once, a block at a time, so that they may be larger than memory; with several
`workers` the blocks are split and counted in processes of their own. Unique pieces grow slowly but
without end. Beyond `REMEMBERED` of them the counts so far go to a temporary file, sorted, and the
files are merged in the end: nothing is dropped, and counts depend neither on the number of workers
nor on what was remembered. What has to fit into memory at last are the pieces that occur `rarest`
times or more; with the default, 1, that is all of them.
"""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from heapq import merge
from itertools import groupby
from multiprocessing import get_context
from operator import itemgetter
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from practicum.errors import TokenizerError
from practicum.events import Progress, emit
from practicum.tokenizers.patterns import SplitPattern

REMEMBERED = 1 << 22  # unique pieces counted in memory: some 500 MB
BLOCK = 1_000_000  # characters that are split at a time
_RECORDS = 10_000  # a line of a file, which is read back at once


def count_pieces(
    texts: Iterable[str], pattern: SplitPattern, *, workers: int = 1, rarest: int = 1
) -> dict[str, int]:
    """Pieces that occur `rarest` times or more, and how often, in the order of first occurrence.

    With more than one worker, a script must be guarded by `if __name__ == "__main__"`.
    """
    if isinstance(texts, str):
        raise TokenizerError("texts is one string; give a list of texts, such as [text]")
    if workers < 1 or rarest < 1:
        raise TokenizerError(f"{workers} workers, rarest {rarest}; both are at least 1")
    counts, done = _Counts(REMEMBERED), 0
    blocks = _blocks(texts, pattern)
    counted = _here(blocks, pattern) if workers == 1 else _there(blocks, pattern, workers)
    for block in counted:
        counts.add(block.counts)
        if block.characters:
            done += block.characters
            detail = f"{block.texts} texts, {len(counts.here)} unique pieces in memory"
            emit(Progress(task="count pieces", done=done, unit="characters", detail=detail))
    return counts.total(rarest)


class _Block(NamedTuple):
    """Some text, in parts; how long it is; and how many texts there have been."""

    parts: list[str]
    characters: int
    texts: int


class _Counted(NamedTuple):
    """Pieces, or how often each occurs; the last of a block has the block's characters."""

    counts: Mapping[str, int] | Iterable[str]
    characters: int
    texts: int


def _blocks(texts: Iterable[str], pattern: SplitPattern) -> Iterator[_Block]:
    """The texts, cut or put together to about `BLOCK` characters each."""
    parts: list[str] = []
    size = number = 0
    for number, text in enumerate(texts, start=1):
        for part in pattern.blocks(text, BLOCK):
            parts.append(part)
            size += len(part)
            if size >= BLOCK:
                yield _Block(parts, size, number)
                parts, size = [], 0
    if parts:
        yield _Block(parts, size, number)


def _here(blocks: Iterable[_Block], pattern: SplitPattern) -> Iterator[_Counted]:
    for block in blocks:
        for part in block.parts[:-1]:
            yield _Counted(pattern.split(part), 0, block.texts)
        yield _Counted(pattern.split(block.parts[-1]), block.characters, block.texts)


def _there(blocks: Iterable[_Block], pattern: SplitPattern, workers: int) -> Iterator[_Counted]:
    """The same by processes, in the order of the blocks, of which few are in memory at a time."""
    waiting: deque[Future[_Counted]] = deque()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for block in blocks:
            waiting.append(pool.submit(_count, block, pattern))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _count(block: _Block, pattern: SplitPattern) -> _Counted:
    counts = Counter[str]()
    for part in block.parts:
        counts.update(pattern.split(part))
    return _Counted(dict(counts), block.characters, block.texts)


class _Counts:
    """Counts that go to disk where there are too many."""

    def __init__(self, remembered: int) -> None:
        self.here = Counter[str]()
        self._remembered = remembered
        self._files: list[IO[str]] = []
        self._met = 0  # pieces in the files: the place of the first one here

    def add(self, counts: Mapping[str, int] | Iterable[str]) -> None:
        self.here.update(counts)
        if len(self.here) > self._remembered:
            self._put_away()

    def _put_away(self) -> None:
        """All that is here becomes a sorted file of pieces, counts, and places of first meeting."""
        file = TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 (closed by `total`)
        records = sorted(
            (piece, count, self._met + place)
            for place, (piece, count) in enumerate(self.here.items())
        )
        for start in range(0, len(records), _RECORDS):
            file.write(json.dumps(records[start : start + _RECORDS]) + "\n")
        file.seek(0)
        self._files.append(file)
        self._met += len(records)
        self.here.clear()

    def total(self, rarest: int) -> dict[str, int]:
        """The pieces not rarer than that, in the order of first meeting."""
        if not self._files:
            return {piece: count for piece, count in self.here.items() if count >= rarest}
        self._put_away()
        kept: list[tuple[int, str, int]] = []
        records = merge(*map(_records, self._files))
        for piece, same in groupby(records, key=itemgetter(0)):
            _, numbers, places = zip(*same, strict=True)
            if sum(numbers) >= rarest:
                kept.append((min(places), piece, sum(numbers)))
        for file in self._files:
            file.close()
        return {piece: count for _, piece, count in sorted(kept)}


def _records(file: IO[str]) -> Iterator[list[Any]]:
    """The piece, count and place of each record, whose order is that of the pieces."""
    for line in file:
        yield from json.loads(line)
