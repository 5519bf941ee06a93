"""What "it" looks at and what it relies on, in a reader of the sentences of `data.coreference`.

Looking is read off the patterns, head by head and never averaged; relying is measured by cutting
what "it" may look at, in every layer, and asking again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.data.coreference import (
    ADJECTIVE,
    FIRST,
    OF_THE_FIRST,
    PRONOUN,
    REST,
    SECOND,
    Crossing,
    asked,
)
from practicum.interpret.edited import Edited
from practicum.interpret.edits import blocked
from practicum.interpret.kept import Keep
from practicum.interpret.trace import trace
from practicum.models.encoder import EncoderModel
from practicum.objectives.at_place import accuracy_there, place_batch

CUTS = {"nouns": (FIRST, SECOND), "adjective": (ADJECTIVE,), "fillers": REST}


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks:
    """The mean weight of "it" in every head: on its referent, the other noun, the adjective."""

    referent: Float[Tensor, "l h"]
    other: Float[Tensor, "l h"]
    adjective: Float[Tensor, "l h"]

    @property
    def finder(self) -> int:
        """The head of the top layer that looks most at the referent."""
        return int(self.referent[-1].argmax())


def looks(model: EncoderModel, sentences: Sequence[Crossing]) -> Looks:
    """Averaged over the sentences."""
    weights = pronoun_weights(model, sentences)
    first = torch.tensor([one.adjective in OF_THE_FIRST for one in sentences])[:, None]
    on_first, on_second = weights[..., FIRST], weights[..., SECOND]
    return Looks(
        referent=torch.where(first, on_first, on_second).mean(1),
        other=torch.where(first, on_second, on_first).mean(1),
        adjective=weights[..., ADJECTIVE].mean(1),
    )


def pronoun_weights(model: EncoderModel, sentences: Sequence[Crossing]) -> Float[Tensor, "l b h s"]:
    """What "it" takes from every word, in every layer and head."""
    ids = place_batch([asked(one) for one in sentences]).words
    seen = trace(model, ids, Keep(what=("weights",), positions=(PRONOUN,)))
    return seen.over_layers("weights")[:, :, :, 0]


def named_rightly(
    model: EncoderModel, sentences: Sequence[Crossing], *, cut: Sequence[int] = ()
) -> float:
    """How often the referent is named where "it" sees none of the places `cut` in any layer."""
    batch = place_batch([asked(one) for one in sentences])
    if not cut:
        return accuracy_there(model, batch)
    wall = blocked([(PRONOUN, place) for place in cut])
    return accuracy_there(Edited(model, lambda _ids: [wall]), batch)
