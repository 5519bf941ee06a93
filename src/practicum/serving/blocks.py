"""Who owns which block of memory, and which blocks already hold what a prompt begins with.

A full block is known by the tokens in it and the full block before it, so that the known blocks
form a tree of beginnings (Zheng et al. 2024, §3: RadixAttention, here in steps of whole blocks).
A row that begins as another did names the same blocks; a block that nobody names stays known until
its memory is wanted, and the one named longest ago goes first, the ends of the tree before their
beginnings.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice

from practicum.errors import ConfigError


class Known:
    """A full block in the tree, and how many rows name it."""

    def __init__(self, block: int, tokens: tuple[int, ...], before: "Known | None") -> None:
        self.block, self.tokens, self.before = block, tokens, before
        self.names = 0
        self.after: dict[tuple[int, ...], Known] = {}


class Lease:
    """The blocks of one row: known ones it shares, then those it alone writes to."""

    def __init__(self) -> None:
        self.blocks: list[int] = []
        self.known: list[Known] = []  # the first len(known) blocks are in the tree


class Blocks:
    """`count` blocks of `size` tokens, numbered from 1."""

    def __init__(self, count: int, size: int) -> None:
        if count < 1 or size < 1:
            raise ConfigError(f"{count} blocks of {size} tokens; expected at least 1 of each")
        self.count, self.size = count, size
        self._free = list(range(count, 0, -1))
        self._first: dict[tuple[int, ...], Known] = {}
        # known blocks that nobody names, the one named longest ago first; an end of the tree is
        # never named after its beginning, so the first has nothing after it
        self._resting: OrderedDict[Known, None] = OrderedDict()

    @property
    def available(self) -> int:
        """Blocks that can be had: free ones, and known ones that nobody names."""
        return len(self._free) + len(self._resting)

    @property
    def used(self) -> int:
        """Blocks that rows name."""
        return self.count - self.available

    @property
    def remembered(self) -> int:
        """Known blocks that nobody names."""
        return len(self._resting)

    def begin(self, ids: Sequence[int]) -> Lease:
        """A lease on the known blocks that `ids` begins with; its last token is left to be read."""
        lease = Lease()
        for known in self._beginning(ids):
            self._name(known)
            lease.known.append(known)
            lease.blocks.append(known.block)
        return lease

    def matched(self, ids: Sequence[int]) -> int:
        """How many tokens `begin` would find."""
        return len(self._beginning(ids)) * self.size

    def _beginning(self, ids: Sequence[int]) -> list[Known]:
        """The known blocks that `ids` begins with, but for its last token."""
        level, found = self._first, []
        for tokens in _whole(ids[:-1], self.size):
            if tokens not in level:
                break
            found.append(level[tokens])
            level = level[tokens].after
        return found

    def missing(self, lease: Lease, tokens: int) -> int:
        """How many more blocks a row of so many tokens needs."""
        return max(0, -(-tokens // self.size) - len(lease.blocks))

    def extend(self, lease: Lease, tokens: int) -> bool:
        """Make room for `tokens` in all; False, and nothing changed, where there is none."""
        wanted = self.missing(lease, tokens)
        if wanted > self.available:
            return False
        lease.blocks += [self._take() for _ in range(wanted)]
        return True

    def publish(self, lease: Lease, ids: Sequence[int]) -> None:
        """Let the full blocks of a row that has read `ids` be known to others."""
        full = list(_whole(ids, self.size))
        for place in range(len(lease.known), len(full)):
            before = lease.known[-1] if lease.known else None
            level = self._first if before is None else before.after
            known = level.get(full[place])
            if known is None:
                known = Known(lease.blocks[place], full[place], before)
                known.names = 1
                level[full[place]] = known
            else:  # another row was first; what this one wrote is the same, and free again
                self._name(known)
                self._free.append(lease.blocks[place])
                lease.blocks[place] = known.block
            lease.known.append(known)

    def end(self, lease: Lease) -> None:
        """Give everything back; what is known stays known while there is room."""
        self._free += reversed(lease.blocks[len(lease.known) :])
        for known in reversed(lease.known):  # the end of a beginning rests before its start
            known.names -= 1
            if known.names == 0:
                self._resting[known] = None
        lease.blocks, lease.known = [], []

    def forget(self) -> list[int]:
        """Free all known blocks that nobody names; which they were."""
        return [self._evict() for _ in range(len(self._resting))]

    def _name(self, known: Known) -> None:
        if known.names == 0:
            del self._resting[known]
        known.names += 1

    def _take(self) -> int:
        if not self._free:
            self._evict()
        return self._free.pop()

    def _evict(self) -> int:
        """Free the known block that was named longest ago."""
        known, _ = self._resting.popitem(last=False)
        assert not known.after, "the end of a beginning makes way before its start"
        level = self._first if known.before is None else known.before.after
        del level[known.tokens]
        self._free.append(known.block)
        return known.block


def _whole(ids: Sequence[int], size: int) -> Iterator[tuple[int, ...]]:
    """The full blocks of `ids`."""
    rest = iter(ids)
    while len(block := tuple(islice(rest, size))) == size:
        yield block
