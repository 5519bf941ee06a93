"""Places for the boxes of an acyclic graph: in columns by depth, with few crossings, wires short.

Three steps (Sugiyama, Tagawa and Toda 1981): a box stands one column right of its deepest source,
and a wire across several columns gets a place in each; columns are sorted again and again by the
mean place of the neighbours, and the order with the fewest crossings is kept; then every box moves
as near to the mean height of its neighbours as its column allows.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
GAP_X, GAP_Y = 36.0, 14.0  # free space between columns, and between boxes of one column
BEND = 6.0  # how tall the place of a passing wire is
SWEEPS = 12


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything is: x to the right, y down, all of it within `width` × `height`."""

    width: float
    height: float
    centres: tuple[Point, ...]  # of the boxes
    bends: tuple[tuple[Point, ...], ...]  # per wire: every border of a column that it crosses


def layered(sizes: Sequence[Point], wires: Sequence[tuple[int, int]]) -> Layout:
    """Places for boxes of `sizes` (width, height); a wire leads from a box to a later one."""
    columns = _columns(len(sizes), wires)
    heights = [height for _, height in sizes]
    chains = []  # per wire: its two boxes and the passing places between them
    for start, end in wires:
        passing = list(range(len(heights), len(heights) + columns[end] - columns[start] - 1))
        heights += [BEND] * len(passing)
        columns += range(columns[start] + 1, columns[end])
        chains.append([start, *passing, end])
    before: list[list[int]] = [[] for _ in heights]
    after: list[list[int]] = [[] for _ in heights]
    for chain in chains:
        for one, two in pairwise(chain):
            after[one].append(two)
            before[two].append(one)
    order = _sorted_columns(columns, before, after)
    ys = _heights(order, heights, before, after)
    widths = [max((sizes[i][0] for i in column if i < len(sizes)), default=0.0) for column in order]
    xs = [GAP_X + sum(widths[:i]) + GAP_X * i + width / 2 for i, width in enumerate(widths)]
    places = [(xs[column], y) for column, y in zip(columns, ys, strict=True)]
    edges = [(-widths[column] / 2, widths[column] / 2) for column in columns]
    return Layout(
        width=sum(widths) + GAP_X * (len(widths) + 1),
        height=max(y + height / 2 for y, height in zip(ys, heights, strict=True)) + GAP_Y,
        centres=tuple(places[: len(sizes)]),
        bends=tuple(
            tuple((places[i][0] + edge, places[i][1]) for i in chain for edge in edges[i])[1:-1]
            for chain in chains
        ),
    )


def _columns(count: int, wires: Sequence[tuple[int, int]]) -> list[int]:
    """The column of every box; one without sources stands just before what it leads to."""
    columns = [0] * count
    for start, end in sorted(wires, key=lambda wire: wire[1]):
        columns[end] = max(columns[end], columns[start] + 1)
    fed = {end for _, end in wires}
    for box in set(range(count)) - fed:
        columns[box] = min((columns[end] - 1 for start, end in wires if start == box), default=0)
    return columns


def _sorted_columns(
    columns: list[int], before: list[list[int]], after: list[list[int]]
) -> list[list[int]]:
    """The boxes of every column from top to bottom."""
    order = [[i for i, c in enumerate(columns) if c == k] for k in range(max(columns) + 1)]
    best, fewest = order, _crossings(order, after)
    for sweep in range(SWEEPS):
        order = [list(column) for column in order]
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for column in order if forward else reversed(order):
            ranks = {i: rank for other in order for rank, i in enumerate(other)}
            means = {i: _mean([ranks[j] for j in neighbours[i]], ranks[i]) for i in column}
            column.sort(key=means.__getitem__)
        crossings = _crossings(order, after)
        if crossings < fewest:
            best, fewest = order, crossings
    return best


def _crossings(order: list[list[int]], after: list[list[int]]) -> int:
    """How many pairs of wires cross between neighbouring columns."""
    total = 0
    for left, right in pairwise(order):
        ranks = {i: rank for rank, i in enumerate(right)}
        seen: list[int] = []
        for i in left:
            ends = sorted(ranks[j] for j in after[i])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(
    order: list[list[int]], heights: list[float], before: list[list[int]], after: list[list[int]]
) -> list[float]:
    """The y of every box, none above 0."""
    ys = [0.0] * len(heights)
    for sweep in range(2 * SWEEPS):
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for column in order if forward else reversed(order):
            wanted = [_mean([ys[j] for j in neighbours[i]], ys[i]) for i in column]
            for i, y in zip(column, _apart(wanted, [heights[i] for i in column]), strict=True):
                ys[i] = y
    top = min(y - height / 2 for y, height in zip(ys, heights, strict=True)) - GAP_Y
    return [y - top for y in ys]


def _apart(wanted: list[float], heights: list[float]) -> list[float]:
    """Heights in the given order, nearest to the wanted ones in squares, `GAP_Y` apart.

    With the required distances subtracted this is a regression by a rising sequence, solved by
    pooling neighbours that stand in the wrong order.
    """
    offsets, total = [], 0.0
    for i, height in enumerate(heights):
        total += (heights[i - 1] + height) / 2 + GAP_Y if i else 0.0
        offsets.append(total)
    pools: list[tuple[float, int]] = []  # mean and size
    for y, offset in zip(wanted, offsets, strict=True):
        mean, size = y - offset, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    flat = [mean for mean, size in pools for _ in range(size)]
    return [y + offset for y, offset in zip(flat, offsets, strict=True)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default
