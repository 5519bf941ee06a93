"""A `DecoderModel` whose matrices are packed: what reads the embedding and scores the tokens.

Its stack holds `PackedLinearLayer`s and asks for nothing else; the scores are here.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.kernels.packed_matrix import Packed
from practicum.models.decoder import DecoderModel
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer, multiplied


class PackedDecoderModel(DecoderModel):
    """What a `DecoderModel` becomes, by a change of its class, when its output is packed."""

    @property
    def output_matrix(self) -> Packed:
        """The matrix that scores tokens."""
        holder = self.embedding if self.head is None else self.head
        assert isinstance(holder, PackedEmbedding | PackedLinearLayer), type(holder)
        return holder.matrix

    @property
    def output_weight(self) -> Float[Tensor, "v d"]:
        """The same decoded, in memory of its own."""
        return self.output_matrix.decoded()

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        bias: nn.Parameter | None = None if self.head is None else self.head.bias
        logits = multiplied(hidden, self.output_matrix, bias)
        cap = self.description.cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def prepack(self) -> None:
        """Nothing: the matrices are as they are read."""
