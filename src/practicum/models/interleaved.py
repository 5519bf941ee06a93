"""A decoder that reads pictures (or sounds) between words (Gemini Team 2023, §2, Fig. 2).

Where a text has the id `place` a piece of a signal stands: its vector comes from the `sense`
instead of the embedding. All else is the decoder's: positions, order and attention do not know
which token is which. Pieces are read from left to right, like words.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.models.decoder import Decoder
from practicum.nn.initial import Rule
from practicum.nn.senses import Sense
from practicum.nn.stack import StackState
from practicum.nn.state import Past, Whole


@dataclass(frozen=True, kw_only=True)
class Interleaved:
    """A decoder with a sense. Signals stand between the ids `begin` and `finish`."""

    decoder: Decoder
    sense: Sense
    begin: int
    place: int
    finish: int

    def __post_init__(self) -> None:
        marks = (self.begin, self.place, self.finish)
        if len(set(marks)) != 3 or not all(0 <= mark < self.decoder.vocab for mark in marks):
            raise ConfigError(
                f"marks {marks} in a vocabulary of {self.decoder.vocab}; expected three different "
                "ids of it"
            )
        if self.decoder.positions is not None or self.decoder.dropout:
            raise ConfigError(
                "Interleaved reads with rotary or no positions, and drops nothing at the bottom; "
                "the decoder has other wishes"
            )

    @property
    def initial(self) -> tuple[Rule, ...]:
        """The decoder's table of initial weights, for both."""
        return self.decoder.initial

    def build(self) -> "InterleavedModel":
        return InterleavedModel(self)


class InterleavedModel(nn.Module):
    def __init__(self, description: Interleaved) -> None:
        super().__init__()
        self.description = description
        self.decoder = description.decoder.build()
        self.sense = description.sense.build(description.decoder.stack.width)

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        signals: Float[Tensor, "m n f"] | None = None,
        real: Bool[Tensor, "m n"] | None = None,
        state: Past | None = None,
    ) -> Float[Tensor, "b t d"]:
        """What the stack makes of every token.

        `signals` are those of all rows in their order; `real` tells pieces from padding. `state`
        appends to what was read before.

        Raises ModelError where the rows have not as many places as the signals have pieces.
        """
        past: Past = state or Whole()
        x = self.decoder.embedding(ids) * self.description.decoder.scaled
        here = ids == self.description.place
        if signals is not None:
            made = self.sense(signals, real)
            pieces = made.flatten(0, 1) if real is None else made[real]
            if len(pieces) != int(here.sum()):
                raise ModelError(f"{len(pieces)} pieces for {int(here.sum())} places in the text")
            x = torch.masked_scatter(x, here[:, :, None], pieces.to(x.dtype))
        elif bool(here.any()):
            raise ModelError("the text has places for a signal, and none was given")
        return self.decoder.stack(x, past)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        """Scores of every token of the vocabulary as the next one."""
        return self.decoder.logits(hidden)

    def forward(
        self,
        ids: Int[Tensor, "b t"],
        signals: Float[Tensor, "m n f"] | None = None,
        real: Bool[Tensor, "m n"] | None = None,
        state: Past | None = None,
    ) -> Float[Tensor, "b t v"]:
        return self.logits(self.hidden(ids, signals, real, state))

    def new_state(self, rows: int, capacity: int) -> StackState:
        """An empty past for `rows` documents of at most `capacity` tokens each."""
        return self.decoder.new_state(rows, capacity)
