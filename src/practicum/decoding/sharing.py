"""Reading once what several windows have in common.

Candidates after one context differ in their last few tokens only. Windows that read the very same
tokens share a row; rows with a long common beginning form a family, whose beginning is read once
and then continued by each (a fork of the state).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from practicum.decoding.model import Reach
from practicum.decoding.windows import Window

WORTHWHILE = 64  # tokens in common; below that one wide batch is faster than a fork


class Row(NamedTuple):
    """Ids that are read once for all windows that read them or a beginning of them."""

    ids: tuple[int, ...]
    windows: list[Window]

    @property
    def first_needed(self) -> int:
        """The first position whose hidden state is asked for."""
        return min(window.start for window in self.windows) - 1


class Family(NamedTuple):
    """Rows that begin with the same `shared` tokens, of which no hidden state is asked for."""

    rows: list[Row]
    shared: int


def rows_of(every: Sequence[Window]) -> list[Row]:
    """Rows for all windows, in descending order: equal beginnings stand together."""
    rows: list[Row] = []
    for window in sorted(every, key=lambda w: w.ids[:-1], reverse=True):
        read = window.ids[:-1]  # in this order a beginning comes after what it begins
        if rows and rows[-1].ids[: len(read)] == read:
            rows[-1].windows.append(window)
        else:
            rows.append(Row(read, [window]))
    return rows


def families(rows: Sequence[Row], reach: Reach) -> Iterator[Family]:
    """Neighbours with much in common, together within `reach`; the others are families of one."""
    family = Family([], 0)
    for i, row in enumerate(rows):
        grown = Family([*family.rows, row], min(_common(family, row), row.first_needed))
        following = _common(Family([row], len(row.ids)), rows[i + 1]) if i + 1 < len(rows) else 0
        # a row that has far more in common with those after it goes with them
        joins = 2 * grown.shared >= following and _pays(grown, reach)
        if family.rows and not joins:
            yield _settled(family)
        family = grown if joins else Family([row], row.first_needed)
    if family.rows:
        yield _settled(family)


def _pays(family: Family, reach: Reach) -> bool:
    """Whether reading the beginning once is worth it: at least half of every row is shared."""
    longest = max(len(row.ids) for row in family.rows)
    count, rest = len(family.rows), longest - family.shared
    fits = count <= reach.rows and count * rest <= reach.tokens
    return fits and family.shared >= WORTHWHILE and family.shared >= rest


def _settled(family: Family) -> Family:
    return family if len(family.rows) > 1 else Family(family.rows, 0)


def _common(family: Family, row: Row) -> int:
    """How many of the family's shared tokens `row` begins with."""
    if not family.rows:
        return 0
    pairs = zip(family.rows[-1].ids[: family.shared], row.ids, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(family.shared, len(row.ids)))
