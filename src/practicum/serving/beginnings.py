"""Which beginnings of prompts a replica has read, as far as is remembered here.

An engine shares the keys and values of whole blocks between prompts that begin alike
(`serving.blocks`). A block is known by its ids and by all that stand before it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

MOST = 50_000  # blocks; of more, those that came last longest ago are forgotten


class Beginnings:
    """The blocks of `block` tokens that prompts began with; another thread may clear them."""

    def __init__(self, block: int, most: int = MOST) -> None:
        self._block, self._most = block, most
        self._known: OrderedDict[int, None] = OrderedDict()

    def known(self, ids: Sequence[int]) -> int:
        """How many tokens of the beginning of `ids` were read before, in whole blocks."""
        known, count = self._known, 0
        for name in self._names(ids):
            if name not in known:
                break
            count += self._block
        return count

    def add(self, ids: Sequence[int]) -> None:
        """Let `ids` have been read."""
        known = self._known
        for name in self._names(ids):
            known[name] = None
            known.move_to_end(name)
        while len(known) > self._most:
            known.popitem(last=False)

    def clear(self) -> None:
        """Let nothing have been read: whoever had, is gone."""
        self._known = OrderedDict()  # a new one: whoever reads or adds now keeps the old one

    def _names(self, ids: Sequence[int]) -> Iterator[int]:
        name = 0
        for start in range(0, len(ids) - self._block + 1, self._block):
            name = hash((name, *ids[start : start + self._block]))
            yield name
