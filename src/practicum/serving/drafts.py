"""What is drafted for the rows that write: demanded by a constraint, looked up, or guessed.

Nobody is put off for a draft, and where many write nothing is drafted: then the products of a step
have rows enough to be worth their weights.
"""

from collections.abc import Sequence

from practicum.decoding.prompt_lookup import PromptLookup
from practicum.kernels.skinny import FEW
from practicum.serving.guesser import Guesser
from practicum.serving.memory import Memory
from practicum.serving.row import Row
from practicum.serving.settings import Settings


class Drafts:
    """Drafts for the rows in a `memory`, by a `guesser` if there is one."""

    def __init__(self, memory: Memory, guesser: Guesser | None, settings: Settings) -> None:
        self._memory, self._guesser, self._settings = memory, guesser, settings

    @property
    def lookup(self) -> PromptLookup | None:
        """Who drafts from the text itself."""
        drafts = self._settings.drafts
        if isinstance(drafts, PromptLookup) and self._memory.all_in_blocks:
            return drafts
        return None

    def start(self, row: Row) -> None:
        """Let `row` begin with what is known of it."""
        if self._guesser is not None:
            self._guesser.start(row)

    def follow(self, rows: Sequence[Row]) -> None:
        """Read along what has been read of these prompts."""
        if self._guesser is not None:
            self._guesser.follow(rows)

    def known(self, row: Row) -> int:
        """How much of `row` has been read by all who read it."""
        return row.read if self._guesser is None else self._guesser.known(row)

    def clear(self, blocks: Sequence[int]) -> None:
        """As `Memory.clear`."""
        self._memory.clear(blocks)
        if self._guesser is not None:
            self._guesser.clear(blocks)

    def of(self, rows: Sequence[Row]) -> list[tuple[int, ...]]:
        """What is drafted for each row that writes, where its blocks have room for it."""
        most = self._most(rows)
        counts = {row: max(0, min(most, row.left)) for row in rows}
        drafts = {row: row.draft(count) if count else () for row, count in counts.items()}
        if self._guesser is None:
            counts = {row: len(draft) for row, draft in drafts.items()}
        counts = {row: self._room(row, count) for row, count in counts.items()}
        drafts = {row: draft[: counts[row]] for row, draft in drafts.items()}
        if self._guesser is not None:
            drafts = self._guesser.guess(drafts, counts)
        return [drafts[row] for row in rows]

    def _most(self, rows: Sequence[Row]) -> int:
        """Tokens that may be drafted for each of these rows."""
        if not self._memory.all_in_blocks:
            return 0
        furthest = max(row.read for row in rows)
        return min(
            self._settings.drafted,
            FEW // len(rows) - 1,  # more rows of a product are not nearly free
            self._memory.capacity - furthest - 1,
        )

    def _room(self, row: Row, count: int) -> int:
        """How many of so many drafted tokens can be read."""
        assert row.lease is not None, f"a row that is {row.place.value} has memory"
        blocks = self._memory.blocks
        if blocks.extend(row.lease, row.read + 1 + count):
            return count
        return min(count, len(row.lease.blocks) * blocks.size - row.read - 1)
