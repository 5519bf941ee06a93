"""A decoder whose embedding is narrower than its stack: two matrices lead in and out.

    x = P_in e(token) + position,    logits = W_head P_out stack(x)

with W_head the embedding where they are tied. OPT's 350M model is of this kind (Zhang et al. 2022),
and so are factored embeddings (Lan et al. 2020, §3.1).
"""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.linear import LinearLayer


@dataclass(frozen=True, kw_only=True)
class NarrowDecoder(Decoder):
    """A `Decoder` with embeddings of `embedding_width`; positions have the stack's width."""

    embedding_width: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding_width < 1:
            raise ConfigError(f"embedding_width is {self.embedding_width}; expected at least 1")

    def build(self) -> "NarrowDecoderModel":
        return NarrowDecoderModel(self)


def narrowed(decoder: Decoder, embedding_width: int) -> NarrowDecoder:
    """The same with embeddings of `embedding_width`."""
    same = {field.name: getattr(decoder, field.name) for field in fields(decoder)}
    return NarrowDecoder(**same, embedding_width=embedding_width)


class NarrowEmbedding(nn.Embedding):
    """Vectors of `narrow` numbers, led into a stack of `width`."""

    def __init__(self, count: int, narrow: int, width: int) -> None:
        super().__init__(count, narrow, _weight=torch.empty(count, narrow))
        self.project_in = LinearLayer(narrow, {"stream": width}, bias=False)

    def forward(self, input: Int[Tensor, "*b"]) -> Float[Tensor, "*b d"]:
        return self.project_in(super().forward(input))


class NarrowDecoderModel(DecoderModel):
    """The network a `NarrowDecoder` describes."""

    embedding: NarrowEmbedding

    def __init__(self, description: NarrowDecoder) -> None:
        super().__init__(description)
        narrow, width = description.embedding_width, description.stack.width
        self.embedding = NarrowEmbedding(description.vocab, narrow, width)
        self.project_out = LinearLayer(width, {"narrow": narrow}, bias=False)
        if not description.tied:
            self.head = LinearLayer(narrow, {"token": description.vocab}, bias=description.bias)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        return super().logits(self.project_out(hidden))

    def prepack(self) -> None:
        super().prepack()
        self.embedding.project_in.prepack()
        self.project_out.prepack()
