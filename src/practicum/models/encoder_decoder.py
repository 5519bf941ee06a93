"""The encoder-decoder Transformer (Vaswani et al. 2017, §3.1): one stack reads, another writes.

The encoder's tokens see each other; the decoder's see those before them and, in every block, all
that the top of the encoder made of the source. Embeddings may be multiplied by √width (§3.4), and
one matrix may serve source, target and scores.
"""

import math
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.nn.embedding import PositionsLayer, embedded, empty_embedding
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.nn.source import Source
from practicum.nn.stack import Stack, StackState
from practicum.nn.state import BothWays, Past, Whole

# Which matrices are one: the target's embedding and the scores ("output"), the two embeddings, all.
Shared = Literal["nothing", "output", "embeddings", "all"]


@dataclass(frozen=True, kw_only=True)
class EncoderDecoder:
    """Reads `source_vocab` words and writes `target_vocab` words, up to `context` of each."""

    source_vocab: int
    target_vocab: int
    context: int
    encoder: Stack
    decoder: Stack
    initial: tuple[Rule, ...]
    positions: LearnedPositions | SinusoidalPositions | None = SinusoidalPositions()
    shared: Shared = "all"
    scaled: bool = True  # embeddings times √width
    output_scale: float = 1.0  # what is scored is multiplied by it (T5: 1/√width)
    bias: bool = False  # on the scores, where their matrix is not shared
    dropout: float = 0.0  # on embeddings plus positions, while training
    output_dropout: float = 0.0  # on what either stack makes of its tokens, while training

    def __post_init__(self) -> None:
        if min(self.source_vocab, self.target_vocab, self.context) < 1:
            raise ConfigError(
                f"vocabularies of {self.source_vocab} and {self.target_vocab}, a context of "
                f"{self.context}; all must be at least 1"
            )
        if self.encoder.width != self.decoder.width:
            raise ConfigError(
                f"an encoder of width {self.encoder.width} and a decoder of width "
                f"{self.decoder.width}; both must be the same"
            )
        if any(block.cross for block in self.encoder.blocks):
            raise ConfigError("a block of the encoder looks at a source; only the decoder has one")
        if not any(block.cross for block in self.decoder.blocks):
            raise ConfigError("no block of the decoder looks at the source; set Block.cross")
        if self.shared in ("all", "embeddings") and self.source_vocab != self.target_vocab:
            raise ConfigError(
                f"vocabularies of {self.source_vocab} and {self.target_vocab} cannot share one "
                "matrix; make them one, or set shared to 'output' or 'nothing'"
            )
        if self.bias and self.shared in ("all", "output"):
            raise ConfigError(
                "a bias on the scores needs a matrix of their own: shared='nothing' or 'embeddings'"
            )
        if self.output_scale <= 0.0:
            raise ConfigError(f"what is scored times {self.output_scale}; expected above 0")

    def build(self) -> "EncoderDecoderModel":
        return EncoderDecoderModel(self)


class EncoderDecoderModel(nn.Module):
    """The network an `EncoderDecoder` describes; a `SequenceToSequence`."""

    def __init__(self, description: EncoderDecoder) -> None:
        super().__init__()
        self.description = description
        width, words = description.encoder.width, description.target_vocab
        self.source_embedding = empty_embedding(description.source_vocab, width)
        same = description.shared in ("all", "embeddings")
        self.target_embedding = self.source_embedding if same else empty_embedding(words, width)
        positions, context = description.positions, description.context
        self.source_positions = None if positions is None else positions.build(context, width)
        self.target_positions = None if positions is None else positions.build(context, width)
        self.encoder = description.encoder.build()
        self.decoder = description.decoder.build()
        own = description.shared in ("nothing", "embeddings")
        self.head = LinearLayer(width, {"word": words}, bias=description.bias) if own else None

    def read(
        self,
        source: Int[Tensor, "b s"],
        real: Bool[Tensor, "b s"] | None = None,
        past: Past | None = None,
    ) -> Float[Tensor, "b s d"]:
        """What the encoder makes of each source token; `real` is false on padding.

        `past` is a way of reading other than plainly, for whoever looks inside.
        """
        past = past or BothWays(real)
        x = self._embedded(source, self.source_embedding, self.source_positions, past)
        return self._dropped(self.encoder(x, past))

    def hidden(
        self,
        target: Int[Tensor, "b t"],
        sources: list[Source | None],
        state: Past | None = None,
    ) -> Float[Tensor, "b t d"]:
        """What the decoder makes of each target token, before words are scored."""
        past = state or Whole()
        x = self._embedded(target, self.target_embedding, self.target_positions, past)
        return self._dropped(self.decoder(x, past, sources))

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        """Scores of every target word as the next one."""
        scale = self.description.output_scale
        hidden = hidden if scale == 1.0 else hidden * scale
        if self.head is not None:
            return self.head(hidden)
        return F.linear(hidden, self.target_embedding.weight)

    def forward(
        self,
        source: Int[Tensor, "b s"],
        target: Int[Tensor, "b t"],
        real: Bool[Tensor, "b s"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        sources = self.decoder.sources(self.read(source, real), real)
        return self.logits(self.hidden(target, sources))

    def start(
        self, source: Int[Tensor, "b s"], real: Bool[Tensor, "b s"] | None, capacity: int
    ) -> StackState:
        """Read the sources; the state of answers that have no token yet."""
        sources = self.decoder.sources(self.read(source, real), real)
        return self.decoder.new_state(source.shape[0], capacity, sources)

    def step(self, state: StackState, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        """Scores of the next word of each answer, `last` being its latest one."""
        return self.logits(self.hidden(last[:, None], state.sources, state)[:, 0])

    def _dropped(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        rate = self.description.output_dropout
        return F.dropout(x, rate) if rate and self.training else x

    def _embedded(
        self,
        ids: Int[Tensor, "b t"],
        embedding: nn.Embedding,
        positions: PositionsLayer | None,
        past: Past,
    ) -> Float[Tensor, "b t d"]:
        description = self.description
        return embedded(
            ids,
            embedding,
            positions,
            past,
            context=description.context,
            scale=math.sqrt(description.encoder.width) if description.scaled else 1.0,
            dropout=description.dropout if self.training else 0.0,
        )
