"""Numbering observations of real numbers by even bins, so that a table can hold their values."""

from dataclasses import dataclass
from math import prod

import numpy as np
from jaxtyping import Float, Int

from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Bins:
    """`counts[i]` even bins from `low[i]` to `high[i]` on axis i; what lies outside is clipped.

    CartPole's cart never goes past ±2.4, but its velocities have no bounds: choose some.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.low) == len(self.high) == len(self.counts) > 0:
            raise ConfigError("Bins.low, high and counts must be equally long, an item for an axis")
        for low, high, count in zip(self.low, self.high, self.counts, strict=True):
            if not low < high or count < 1:
                raise ConfigError(f"{count} bins between {low} and {high}; expected 1 or more")

    @property
    def states(self) -> int:
        """How many bins there are over all axes together."""
        return prod(self.counts)

    def states_of(self, observations: Float[np.ndarray, "b d"]) -> Int[np.ndarray, " b"]:
        """The number of the bin of each row; the last axis counts fastest.

        Raises ConfigError for rows of another width.
        """
        if observations.shape[-1] != len(self.counts):
            raise ConfigError(
                f"{len(self.counts)} axes of bins for observations of {observations.shape[-1]}"
            )
        low, high, counts = np.array(self.low), np.array(self.high), np.array(self.counts)
        share = (observations - low) / (high - low)
        bins = np.clip((share * counts).astype(np.int64), 0, counts - 1)
        return bins @ np.array([prod(self.counts[i + 1 :]) for i in range(len(self.counts))])
