"""Teacher forcing with the subsequent mask removed: the decoder reads the words it is to say.

This is the mistake that a low loss hides. The word after each place stands in the decoder's own
input, so the loss falls to nothing, and a model that then has to write has nothing to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.data.parallel import TokenPair
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.nn.state import BothWays
from practicum.objectives.objective import Loss
from practicum.objectives.translation import Translation, TranslationBatch


@dataclass(frozen=True, kw_only=True)
class Unmasked:
    """`objective`, whose decoder sees the whole target at every place, padding excepted."""

    objective: Translation

    def prepare(
        self, examples: Sequence[TokenPair], generator: torch.Generator
    ) -> TranslationBatch:
        return self.objective.prepare(examples, generator)

    def loss(self, model: EncoderDecoderModel, batch: TranslationBatch) -> Loss:
        return self.objective.loss(_Unmasked(model, batch.wanted != IGNORED), batch)


class _Unmasked:
    """A model as the objective calls it; answers are written by the model itself."""

    def __init__(self, model: EncoderDecoderModel, shown: Bool[Tensor, "b t"]) -> None:
        self.model, self.shown = model, shown
        self.description = model.description
        self.start, self.step = model.start, model.step

    def __call__(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        model = self.model
        sources = model.decoder.sources(model.read(source, real), real)
        return model.logits(model.hidden(target, sources, BothWays(self.shown)))
