"""A stack that reads a text both ways, over embeddings of tokens, of places and of kinds.

    states = stack(norm(E[ids] + P[places] + K[kinds]))        (Devlin et al. 2019, §3, figure 2)

A token's kind says which of two texts it belongs to; without kinds all are the first. `Encoder` is
the smaller relation that answers at every token; this one gives states, and what its head, if it
has one, makes of them:

    FirstState    tanh(W h₀ + b), of the first token's state
    HiddenWords   E · norm(φ(W h + b)) + c, of each state: scores of the words that may stand there
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError, ModelError
from practicum.kernels.activations import Activation, activate
from practicum.nn.embedding import embedded, empty_embedding
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.norms import LayerNorm, Norm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Stack
from practicum.nn.state import BothWays


@dataclass(frozen=True, kw_only=True)
class FirstState:
    """A vector of a whole text, made of its first token's state."""

    def build(self, width: int, vocab: int) -> "FirstStateLayer":
        return FirstStateLayer(width)


@dataclass(frozen=True, kw_only=True)
class HiddenWords:
    """Scores of all words at every token."""

    activation: Activation = "gelu"
    norm: Norm = LayerNorm()

    def build(self, width: int, vocab: int) -> "HiddenWordsLayer":
        return HiddenWordsLayer(width, vocab, self)


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """Reads up to `context` of `vocab` tokens, each of one of so many `kinds`."""

    vocab: int
    context: int
    stack: Stack
    initial: tuple[Rule, ...]
    kinds: int = 2
    positions: LearnedPositions = LearnedPositions()
    norm: Norm = LayerNorm()  # of the embeddings
    head: FirstState | HiddenWords | None = None
    dropout: float = 0.0  # on the normed embeddings, while training

    def __post_init__(self) -> None:
        if min(self.vocab, self.context, self.kinds) < 1:
            raise ConfigError(
                f"a vocabulary of {self.vocab}, a context of {self.context} and {self.kinds} kinds "
                "of tokens; all must be at least 1"
            )
        if any(block.cross for block in self.stack.blocks):
            raise ConfigError("a block of an encoder looks at a source; only a decoder has one")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"TextEncoder.dropout is {self.dropout}; expected 0 ≤ dropout < 1")

    def build(self) -> "TextEncoderModel":
        return TextEncoderModel(self)


class TextEncoderModel(nn.Module):
    """The network a `TextEncoder` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: TextEncoder) -> None:
        super().__init__()
        self.description = description
        width, head = description.stack.width, description.head
        self.embedding = empty_embedding(description.vocab, width)
        self.positions = description.positions.build(description.context, width)
        self.kind_embedding = empty_embedding(description.kinds, width)
        self.embedding_norm = description.norm.build(width)
        self.stack = description.stack.build()
        self.head = None if head is None else head.build(width, description.vocab)

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        real: Bool[Tensor, "b t"] | None = None,
        kinds: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """The state of every token; `real` is false at padding, which no token sees.

        Raises ModelError for texts beyond the context.
        """
        past, description = BothWays(real), self.description
        x = embedded(
            ids, self.embedding, self.positions, past, context=description.context
        ) + self.kind_embedding(torch.zeros_like(ids) if kinds is None else kinds)
        x = self.embedding_norm(x)
        if self.training and description.dropout:
            x = F.dropout(x, description.dropout)
        return self.stack(x, past)

    forward = hidden

    def pooled(self, hidden: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        """The vector that the head `FirstState` makes. Raises ModelError without one."""
        if not isinstance(self.head, FirstStateLayer):
            raise ModelError("this encoder has no head FirstState; it was made without")
        return self.head(hidden)

    def words(self, hidden: Float[Tensor, "b t d"]) -> Float[Tensor, "b t v"]:
        """The scores that the head `HiddenWords` makes. Raises ModelError without one."""
        if not isinstance(self.head, HiddenWordsLayer):
            raise ModelError("this encoder has no head HiddenWords; it was made without")
        return self.head(hidden, self.embedding.weight)


class FirstStateLayer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.out = LinearLayer(width, {"vector": width}, bias=True)

    def forward(self, hidden: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        return self.out(hidden[:, 0]).tanh()


class HiddenWordsLayer(nn.Module):
    def __init__(self, width: int, vocab: int, description: HiddenWords) -> None:
        super().__init__()
        self.activation: Activation = description.activation
        self.turn = LinearLayer(width, {"turned": width}, bias=True)
        self.norm = description.norm.build(width)
        self.bias = nn.Parameter(torch.empty(vocab))

    def forward(
        self, hidden: Float[Tensor, "b t d"], embedding: Float[Tensor, "v d"]
    ) -> Float[Tensor, "b t v"]:
        turned = self.norm(activate(self.turn(hidden), self.activation))
        return F.linear(turned, embedding, self.bias)
