"""Which prompts are read together, and how much of each, between two steps of running answers."""

from collections.abc import Sequence

from practicum.serving.row import Row


def piece(
    reading: Sequence[Row], room: int, context: int, *, together: bool
) -> tuple[list[Row], list[int]]:
    """The first rows, and how many tokens of each: at most `room`, padding included.

    Where some begin further on than others, padding stays within the `context`, too. Not
    `together`, they are read one by one.
    """
    rows: list[Row] = []
    longest = furthest = 0
    for row in reading:
        left = len(row.ids) - row.read
        wider, further = max(longest, min(left, room)), max(furthest, row.read)
        fits = wider * (len(rows) + 1) <= room and wider + further <= context
        if rows and not (fits and together):
            break
        rows.append(row)
        longest, furthest = wider, further
    return rows, [min(longest, len(row.ids) - row.read) for row in rows]
