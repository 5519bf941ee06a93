"""A text's constraint, asked before tokens that are only drafted yet.

What may come after a draft is found by copies that go ahead; the matcher itself hears of nothing
but what was said. Where the constraint leaves one way to go on, that is a draft, too. It need not
be cut into the tokens that the model would choose, since every draft is checked.
"""

from collections.abc import Sequence

from jaxtyping import Bool
from torch import Tensor

from practicum.decoding.constraint import Matcher
from practicum.errors import PracticumError
from practicum.tokenizers.tokenizer import Tokenizer

BYTES = 16  # of forced text that are looked at for a token that is wanted


class Guard:
    """Follows one text of `tokenizer`."""

    def __init__(self, matcher: Matcher, tokenizer: Tokenizer) -> None:
        self._now, self._tokenizer = matcher, tokenizer
        self._after: dict[tuple[int, ...], Matcher] = {}  # by the tokens that it is ahead
        self._masks: dict[tuple[int, ...], Bool[Tensor, " v"]] = {}
        self._forced = b""  # of what comes next, and found out when there is nothing left of it

    def mask(self, ahead: tuple[int, ...] = ()) -> Bool[Tensor, " v"]:
        """Which tokens may come once these have. Raises as `Matcher.mask` and `Matcher.take`."""
        if ahead not in self._masks:
            self._masks[ahead] = self._at(ahead).mask()
        return self._masks[ahead]

    def take(self, id: int) -> None:
        """Let `id` have come. Raises as `Matcher.take`."""
        self._after, self._masks = {}, {}
        self._now.take(id)
        piece = self._tokenizer.piece(id)
        self._forced = self._forced[len(piece) :] if self._forced.startswith(piece) else b""

    def fitting(self, ids: Sequence[int]) -> tuple[int, ...]:
        """As many of `ids` as may come, one after the other."""
        ids = tuple(ids)
        for count in range(len(ids)):
            try:
                self._at(ids[: count + 1])
            except PracticumError:
                return ids[:count]
        return ids

    def forced(self, count: int) -> tuple[int, ...]:
        """At most `count` tokens of what comes next whatever is chosen; it may well be none."""
        self._forced = self._forced or self._now.forced()
        text = self._forced[: BYTES * count].decode(errors="ignore")
        return self.fitting(self._tokenizer.encode(text)[:count])

    def _at(self, ahead: tuple[int, ...]) -> Matcher:
        if not ahead:
            return self._now
        if ahead not in self._after:
            matcher = self._at(ahead[:-1]).copy()
            matcher.take(ahead[-1])
            self._after[ahead] = matcher
        return self._after[ahead]
