"""A decoder whose embedding is narrower than its stack: two matrices lead in and out.

    x = P_in e(token) + position,    logits = W_head P_out stack(x)

with W_head the embedding where they are tied. OPT's 350M model is of this kind (Zhang et al. 2022),
and so are factored embeddings (Lan et al. 2020, §3.1).
"""

from dataclasses import dataclass, fields

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.embedding import empty_embedding, too_long
from practicum.nn.linear import LinearLayer
from practicum.nn.state import Packed, Past, Whole


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


class NarrowDecoderModel(DecoderModel):
    """The network a `NarrowDecoder` describes."""

    def __init__(self, description: NarrowDecoder) -> None:
        super().__init__(description)
        narrow, width = description.embedding_width, description.stack.width
        self.embedding = empty_embedding(description.vocab, narrow)
        self.project_in = LinearLayer(narrow, {"stream": width}, bias=False)
        self.project_out = LinearLayer(width, {"narrow": narrow}, bias=False)
        if not description.tied:
            self.head = LinearLayer(narrow, {"token": description.vocab}, bias=description.bias)

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        state: Past | None = None,
        segments: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        past: Past = state or (Whole() if segments is None else Packed(segments))
        x = self.project_in(self.embedding(ids)) * self.description.scaled
        if self.positions is not None:
            reach = past.reach(ids.shape[1])
            if reach > self.description.context:
                raise too_long(reach, self.description.context)
            x = x + self.positions(past.positions(ids.shape[1], ids.device)).to(x.dtype)
        dropout = self.description.dropout if self.training else 0.0
        return self.stack(F.dropout(x, dropout) if dropout else x, past)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        return super().logits(self.project_out(hidden))

    def prepack(self) -> None:
        super().prepack()
        self.project_in.prepack()
        self.project_out.prepack()
