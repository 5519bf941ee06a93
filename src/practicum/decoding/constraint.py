"""What a text may be: tokens that would leave it are never drawn.

A `Constraint` is a description that can be compared and kept; for every text it makes a `Matcher`,
which says before each token which ones may come, and is told the one that did.
"""

from typing import Protocol

from jaxtyping import Bool
from torch import Tensor

from practicum.tokenizers.tokenizer import Tokenizer


class Matcher(Protocol):
    """The state of one text."""

    def mask(self) -> Bool[Tensor, " v"]:
        """Which tokens may come next; never none of them before the text is finished."""
        ...

    def take(self, id: int) -> None:
        """Let `id` have come."""
        ...

    def copy(self) -> "Matcher":
        """Another that stands where this one does, and goes its own way from here."""
        ...

    def forced(self) -> bytes:
        """Bytes that come next whatever is chosen; it may well be none, or not all there are."""
        ...

    @property
    def finished(self) -> bool:
        """Whether nothing but the end of the text may come."""
        ...


class Constraint(Protocol):
    """A grammar, a JSON schema, an expression, a list of texts."""

    def matcher(self, tokenizer: Tokenizer, ends: frozenset[int]) -> Matcher:
        """For one text of `tokenizer` that any of `ends` closes.

        Raises ConfigError where the description is none, or this tokenizer cannot write it.
        """
        ...
