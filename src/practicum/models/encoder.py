"""A stack that reads a sequence both ways and says something at every place of it.

answers = W_head · stack(W_embedding[ids] + positions): labels of tokens, or one of several
readouts side by side, for whoever asks at which place to look.
"""

import math
from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.nn.embedding import embedded, empty_embedding
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.nn.stack import Stack
from practicum.nn.state import BothWays, Past


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Reads up to `context` of `vocab` words; gives `outputs` numbers at each."""

    vocab: int
    context: int
    outputs: int
    stack: Stack
    initial: tuple[Rule, ...]
    positions: LearnedPositions | SinusoidalPositions | None = SinusoidalPositions()
    scaled: bool = True  # embeddings times √width
    dropout: float = 0.0  # on embeddings plus positions, while training

    def __post_init__(self) -> None:
        if min(self.vocab, self.context, self.outputs) < 1:
            raise ConfigError(
                f"a vocabulary of {self.vocab}, a context of {self.context} and {self.outputs} "
                "outputs; all must be at least 1"
            )
        if any(block.cross for block in self.stack.blocks):
            raise ConfigError("a block of an encoder looks at a source; only a decoder has one")

    def build(self) -> "EncoderModel":
        return EncoderModel(self)


class EncoderModel(nn.Module):
    """The network an `Encoder` describes."""

    def __init__(self, description: Encoder) -> None:
        super().__init__()
        self.description = description
        width, positions = description.stack.width, description.positions
        self.embedding = empty_embedding(description.vocab, width)
        self.positions = None if positions is None else positions.build(description.context, width)
        self.stack = description.stack.build()
        self.head = LinearLayer(width, {"answer": description.outputs}, bias=True)

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        real: Bool[Tensor, "b t"] | None = None,
        past: Past | None = None,
    ) -> Float[Tensor, "b t d"]:
        """What the stack makes of each token; `past` as in `EncoderDecoderModel.read`."""
        past = past or BothWays(real)
        description = self.description
        x = embedded(
            ids,
            self.embedding,
            self.positions,
            past,
            context=description.context,
            scale=math.sqrt(description.stack.width) if description.scaled else 1.0,
            dropout=description.dropout if self.training else 0.0,
        )
        return self.stack(x, past)

    def forward(
        self, ids: Int[Tensor, "b t"], real: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b t o"]:
        return self.head(self.hidden(ids, real))
