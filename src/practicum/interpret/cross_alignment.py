"""A Transformer's soft alignment: where the heads of one block of its decoder look, on average.

No block was trained to align; which one does it best differs from model to model, and is seldom the
last (Garg et al. 2019, §4.1: the last but one of six). A block without a look has no alignment.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from practicum.errors import ModelError
from practicum.interpret.watching import Attended, watched
from practicum.models.encoder_decoder import EncoderDecoderModel


class CrossAlignment:
    """Block `layer` of a model, counted from 0; below 0 from the last."""

    def __init__(self, model: EncoderDecoderModel, layer: int = -2) -> None:
        blocks = model.decoder.blocks
        place = layer + len(blocks) if layer < 0 else layer
        if layer == -2 and len(blocks) == 1:
            place = 0
        if not 0 <= place < len(blocks):
            raise ModelError(
                f"the decoder has no block {layer}; it has {len(blocks)}, from 0 to "
                f"{len(blocks) - 1}"
            )
        self.model, self.layer = model, place

    def alignments(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t s"]:
        """The weight of each source word when the word after each target word is said."""
        found: list[Tensor] = []

        def listen(attended: Attended) -> None:
            if attended.layer == self.layer:
                found.append(attended.weights.mean(1))

        sources = self.model.decoder.sources(self.model.read(source, real), real)
        self.model.hidden(target, watched(sources, listen))
        if not found:
            raise ModelError(f"block {self.layer} of the decoder does not look at the source")
        return torch.cat(found)
