"""A network whose attention patterns are always edited: as it is trained and as it is asked.

The edits are made for the ids that are read, so a wall may stand elsewhere in every row. Training
such a network tells what can be learned at all with a pattern frozen or an edge cut; asking one
that was trained without edits tells what it relied on.
"""

from collections.abc import Callable, Sequence

from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.interpret.edits import PatternEdit, other_weights
from practicum.interpret.watching import Attended, WatchedPast
from practicum.models.decoder import DecoderModel
from practicum.models.encoder import EncoderModel
from practicum.nn.state import BothWays, Whole

Edits = Callable[[Tensor], Sequence[PatternEdit]]  # from Int "b t" of ids


class Edited(nn.Module):
    """`model` as it reads under `edits`; the weights are the model's own."""

    def __init__(self, model: DecoderModel | EncoderModel, edits: Edits) -> None:
        super().__init__()
        self.model, self.edits = model, edits

    def forward(self, ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t o"]:
        edits = self.edits(ids)

        def listen(attended: Attended) -> Tensor | None:
            return other_weights(attended, [edit for edit in edits if edit.at(attended.layer)])

        if isinstance(self.model, EncoderModel):
            hidden = self.model.hidden(ids, past=WatchedPast(BothWays(), listen))
            return self.model.head(hidden)
        return self.model.logits(self.model.hidden(ids, WatchedPast(Whole(), listen)))
