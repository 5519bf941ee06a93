"""Drafts without a model: what followed the last few words when they stood in the text before.

Rewriting, quoting, correcting and summarising repeat much of what was read (Saxena 2023, "Prompt
lookup decoding"). Of all earlier places where the text's last n tokens stand, the latest counts;
the longest n that stands anywhere is taken first. A copy may run into what it copies, as in
Lempel-Ziv: after "ab ab" come as many "ab" as are wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from practicum.decoding.drafting import Draft
from practicum.decoding.generate import Request
from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class PromptLookup:
    """Looks for the last `longest` tokens first, and for the last `shortest` at least."""

    longest: int = 4
    shortest: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ConfigError(
                f"PromptLookup looks for {self.shortest} to {self.longest} tokens; expected "
                "1 ≤ shortest ≤ longest"
            )

    def drafter(self, request: Request, limit: int, vocabulary: int) -> "Lookup":
        """For the text of `request`."""
        return Lookup(self, request.ids)


class Lookup:
    """Implements `Drafter`; each token costs a few entries of a table."""

    def __init__(self, description: PromptLookup, ids: Sequence[int]) -> None:
        self._sizes = range(description.shortest, description.longest + 1)
        self._ids: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}  # the place after some tokens, the latest
        self.take(ids)

    def take(self, ids: Sequence[int]) -> None:
        """See `Drafter.take`."""
        for id in ids:
            place = len(self._ids)
            for size in self._sizes:
                if size <= place:
                    self._after[tuple(self._ids[-size:])] = place
            self._ids.append(id)

    def propose(self, count: int) -> Draft:
        """See `Drafter.propose`."""
        for size in reversed(self._sizes):
            place = self._after.get(tuple(self._ids[-size:]))
            if place is not None:
                period = len(self._ids) - place
                return Draft(tuple(self._ids[place + i % period] for i in range(count)), None)
        return Draft((), None)
