"""Who is next: priority first, then the answer that is wanted soonest, then who asked first.

A question without a deadline is treated as if it were wanted in a minute, so that the patient are
not passed by for ever.
"""

import heapq
from collections.abc import Iterator

from practicum.serving.row import Row

PATIENT = 60.0  # seconds


class Line:
    """The rows that wait."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, float, int, Row]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Row]:
        return (row for *_, row in self._heap)

    def add(self, row: Row) -> None:
        """Let `row` wait; one that was put off has its old place."""
        heapq.heappush(self._heap, (*urgency(row), row))

    def first(self) -> Row:
        """Who is next; it stays."""
        return self._heap[0][-1]

    def pop(self) -> Row:
        """Who is next; it goes."""
        return heapq.heappop(self._heap)[-1]

    def remove(self, row: Row) -> None:
        """Let `row` go, wherever it stands."""
        self._heap = [item for item in self._heap if item[-1] is not row]
        heapq.heapify(self._heap)


def urgency(row: Row) -> tuple[int, float, int]:
    """What the line is ordered by, smallest first."""
    return (row.question.priority, min(row.due, row.asked + PATIENT), row.number)
