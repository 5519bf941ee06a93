"""A drawer of labelled things, and one question: by label, by place, or for what comes after.

Each of the slots of a memory holds a key, no two alike, and a value. What is wanted is the value
    "key"    beside the key that is asked for
    "place"  in the slot that is asked for
    "after"  in the slot after that of the key; the first slot comes after the last
With its slots mixed up a memory still answers the first question, and neither of the others.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from practicum.errors import ConfigError

Question = Literal["key", "place", "after"]


class Lookup(NamedTuple):
    """A memory, what is asked of it (a key, or a place counted from 0), and the right value."""

    keys: Int[np.ndarray, " s"]
    values: Int[np.ndarray, " s"]
    asked: int
    answer: int


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Memories of `slots`, with `keys` different keys and `values` different values to fill them.

    Whoever mixes all values evenly is right more often than one in `values`, since a value may
    be there several times.
    """

    question: Question = "key"
    slots: int = 16
    keys: int = 64
    values: int = 32

    def __post_init__(self) -> None:
        if not 2 <= self.slots <= self.keys or self.values < 2:
            raise ConfigError(
                f"Retrieval has {self.slots} slots, {self.keys} keys and {self.values} values; "
                "expected 2 slots and values or more, and a key of its own for every slot"
            )

    @property
    def questions(self) -> int:
        """How many different things can be asked."""
        return self.slots if self.question == "place" else self.keys

    def draw(self, count: int, rng: np.random.Generator) -> list[Lookup]:
        """`count` fresh memories, each with a question."""
        keys = rng.random((count, self.keys)).argsort(axis=1)[:, : self.slots]
        values = rng.integers(self.values, size=(count, self.slots))
        places = rng.integers(self.slots, size=count)
        rows = np.arange(count)
        asked = places if self.question == "place" else keys[rows, places]
        wanted = (places + 1) % self.slots if self.question == "after" else places
        answers = values[rows, wanted]
        return list(map(Lookup, keys, values, asked.tolist(), answers.tolist()))
