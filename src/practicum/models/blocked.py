"""A decoder that reads every row in blocks that do not see each other.

Block i holds tokens i·B … i·B + B − 1. It costs what a window of B tokens costs and hands nothing
over from block to block: the control of a sliding window (Jiang et al. 2023, §2.1).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ConfigError, ModelError
from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.state import Past


class BlockedModel(DecoderModel):
    """The network of `description` over blocks of `block` tokens; for whole rows alone."""

    def __init__(self, description: Decoder, block: int) -> None:
        if block < 1:
            raise ConfigError(f"blocks of {block} tokens; expected at least 1")
        super().__init__(description)
        self.block = block

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        state: Past | None = None,
        segments: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """As a decoder's, each block read as a document of its own.

        Raises ModelError with a state: what it keeps would be seen from every block.
        """
        if state is not None or segments is not None:
            raise ModelError("a decoder in blocks reads whole rows, without a past or documents")
        blocks = torch.arange(ids.shape[1], device=ids.device) // self.block
        return super().hidden(ids, segments=blocks.expand_as(ids))


def blocked(model: DecoderModel, block: int) -> BlockedModel:
    """The same parameters, not copies, under reading in blocks."""
    with torch.device("meta"):
        made = BlockedModel(model.description, block)
    own = dict(model.named_parameters())
    made.load_state_dict(own, assign=True)
    return made.train(model.training)
