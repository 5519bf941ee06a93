"""What is asked of an engine, and what is heard while it answers.

The end of an answer is the `Completion` that `decoding.generate` knows, or an error: `Busy` where
too many wait, `GivenUp` where patience ran out, `ModelError` where a prompt cannot be continued.
"""

from dataclasses import dataclass

from practicum.decoding.chooser import Choice
from practicum.decoding.constraint import Constraint
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Question:
    """A prompt in ids, and the one answer that is wanted."""

    ids: tuple[int, ...]
    sampling: Sampling
    stop_ids: frozenset[int] = frozenset()  # end the text as the model's own end tokens do
    constraint: Constraint | None = None  # what the text may be
    priority: int = 0  # smaller goes first
    patience: float | None = None  # seconds from asking after which nobody wants the answer

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience <= 0:
            raise ConfigError(f"patience is {self.patience} seconds; expected more than 0")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What was said since the last piece: whole characters, never part of a stop string."""

    text: str
    choices: tuple[Choice, ...]  # the tokens taken since; their text may still be held back
    shared: int = 0  # tokens of the prompt that had been read for another
