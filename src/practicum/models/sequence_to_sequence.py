"""What training and decoding need of a network that reads one sequence and writes another."""

from typing import Any, Protocol

from jaxtyping import Bool, Float, Int
from torch import Tensor


class SequenceToSequence(Protocol):
    """A source, and a target written word by word: attention or recurrence, they do not ask."""

    @property
    def description(self) -> Any: ...

    def __call__(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        """Scores of the word after each target word, all read at once.

        `real` is false where a source is padded; None: nowhere.
        """
        ...

    def start(
        self, source: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None, capacity: int
    ) -> Any:
        """Read the sources. The state of answers of at most `capacity` words; it has `select`."""
        ...

    def step(self, state: Any, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Scores of the next word of each answer, whose latest word is `last`."""
        ...
