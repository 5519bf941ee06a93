"""A Bloom filter (Bloom 1970): a set that may err by saying yes, never by saying no.

For n members at a false-positive rate p it takes m = −n ln p / (ln 2)² bits and k = (m/n) ln 2
probes. At p = 1e-8 that is 38.3 bits (4.8 bytes) and 27 probes a member: 48 MB for ten million.
"""

import math

import numpy as np

from practicum.errors import ConfigError

Keys = np.ndarray  # uint64 of shape (n, 2): 128 well-mixed bits per member

SMALLEST = 2**12  # bits; the formula is a limit, and tiny filters fall short of it
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴/φ, the increment of SplitMix64


class BloomFilter:
    """A set of up to `capacity` 128-bit keys with at most `rate` false positives."""

    def __init__(self, capacity: int, rate: float = 1e-8) -> None:
        if capacity < 1 or not 0 < rate < 1:
            raise ConfigError(
                f"a Bloom filter of {capacity} members at rate {rate}; "
                "expected at least 1 member and a rate between 0 and 1"
            )
        self.capacity = capacity
        self.rate = rate
        bits = math.ceil(-capacity * math.log(rate) / math.log(2) ** 2)
        self.size = max(SMALLEST, bits)  # in bits
        self.probes = math.ceil(-math.log2(rate))  # = (m/n) ln 2
        self.added = 0
        self._bytes = np.zeros(-(-self.size // 8), dtype=np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self._bytes.nbytes

    def add(self, keys: Keys) -> None:
        """Put keys in. Raises ConfigError beyond `capacity`, where the rate would not hold."""
        self.added += len(keys)
        if self.added > self.capacity:
            raise ConfigError(
                f"{self.added} members exceed the Bloom filter's capacity of {self.capacity}; "
                "make it with a larger one"
            )
        for probe in range(self.probes):
            at = self._places(keys, probe)
            np.bitwise_or.at(self._bytes, at >> 3, _bit(at))

    def contains(self, keys: Keys) -> np.ndarray:
        """For each key whether it may have been added; false is certain."""
        candidates = np.arange(len(keys))
        for probe in range(self.probes):
            at = self._places(keys[candidates], probe)
            candidates = candidates[(self._bytes[at >> 3] & _bit(at)) != 0]
        found = np.zeros(len(keys), dtype=bool)
        found[candidates] = True
        return found

    def _places(self, keys: Keys, probe: int) -> np.ndarray:
        # Each probe mixes all 128 bits anew. Double hashing (h₁ + i·h₂) would be cheaper, but two
        # keys then share all probes with probability 1/m², too often for 1e-8 in a small filter.
        salt = mix(np.array([probe + 1], dtype=np.uint64) * _GOLDEN)
        mixed = mix(mix(keys[:, 0] ^ salt) ^ keys[:, 1])
        return (mixed % np.uint64(self.size)).astype(np.int64)


def mix(x: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele et al. 2014): a bijection of uint64 without patterns."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _bit(at: np.ndarray) -> np.ndarray:
    return np.left_shift(1, at & 7).astype(np.uint8)
