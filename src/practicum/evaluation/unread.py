"""Source words that no target word was said from: what a translation may have dropped.

A source word was read as much as all target words together looked at it, Σ_t α_ti (the coverage of
Tu et al. 2016, §3, with a fertility of 1); a run of words with little of it is a suspect. Attention
is a hint and no proof: a word's content may reach the decoder through its neighbours.
"""

import numpy as np
from jaxtyping import Float

from practicum.errors import ConfigError


def coverage(weights: Float[np.ndarray, "t s"]) -> Float[np.ndarray, " s"]:
    """How much each source word was looked at: 0 never, 1 as much as one target word can look."""
    return weights.sum(0)


def unread(
    weights: Float[np.ndarray, "t s"], *, least: float = 0.2, words: int = 1
) -> tuple[range, ...]:
    """Runs of `words` or more source words of which each has a coverage below `least`."""
    if least <= 0 or words < 1:
        raise ConfigError(
            f"words are unread below a coverage of {least}, in runs of {words} or more; expected "
            "a coverage above 0 and at least 1 word"
        )
    low = np.concatenate([[False], coverage(weights) < least, [False]])
    edges = np.flatnonzero(low[1:] != low[:-1]).tolist()
    runs = [range(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
    return tuple(run for run in runs if len(run) >= words)
