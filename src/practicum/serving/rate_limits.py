"""How much one client may ask in a minute: token buckets.

A bucket holds what may be used at once, at most one minute's share, and fills evenly. A request
takes one unit of the bucket of requests. Tokens, read and written, are taken when it is over and
they are known. So the bucket of tokens can fall below zero, and then nothing is admitted until it
has come up again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_CLIENTS = 10_000  # remembered; of more, who was away longest begins anew


@dataclass
class Bucket:
    """What one client may still use."""

    level: float
    at: float  # when, in seconds of the clock


class Buckets:
    """A bucket for each client; a rate of None limits nobody."""

    def __init__(
        self, per_minute: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait(self, client: str, needed: float) -> float:
        """Seconds until `client` has `needed` units (of at most a minute's share); 0: has them."""
        if self._rate is None:
            return 0.0
        missing = min(needed, self._rate) - self._bucket(client, self._rate).level
        return max(0.0, missing * 60 / self._rate)

    def take(self, client: str, units: float) -> None:
        """Let `client` have used so many."""
        if self._rate is not None:
            self._bucket(client, self._rate).level -= units

    def _bucket(self, client: str, rate: float) -> Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(client, Bucket(rate, now))
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        bucket.level = min(rate, bucket.level + (now - bucket.at) * rate / 60)
        bucket.at = now
        return bucket
