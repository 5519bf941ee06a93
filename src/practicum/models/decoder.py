"""The decoder-only language model: embeddings, a stack of blocks, and scores for the next token.

logits = W_head · stack(W_embedding[ids] + positions); with `tied`, W_head is W_embedding.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from practicum.errors import ConfigError
from practicum.kernels.prepacked import Prepacked, inferring, prepacked, read_linear
from practicum.nn.embedding import embedded, empty_embedding
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.nn.stack import Stack, StackState
from practicum.nn.state import Packed, Past, Whole


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """A language model over `vocab` tokens, made for texts of up to `context` tokens."""

    vocab: int
    context: int
    stack: Stack
    initial: tuple[Rule, ...]
    positions: LearnedPositions | SinusoidalPositions | None = None
    tied: bool = True
    scaled: float = 1.0  # the embeddings are multiplied by it (Gemma: √width)
    cap: float | None = None  # logits are kept within ±cap by a tanh (Gemma 2)
    bias: bool = False  # on the logits, where their matrix is not the embedding's
    dropout: float = 0.0  # on the embeddings, while training

    def __post_init__(self) -> None:
        if self.vocab < 1 or self.context < 1:
            raise ConfigError(
                f"a vocabulary of {self.vocab} and a context of {self.context}; "
                "both must be at least 1"
            )
        if self.bias and self.tied:
            raise ConfigError("a bias on the logits needs a matrix of their own: tied=False")
        if self.scaled <= 0.0 or (self.cap is not None and self.cap <= 0.0):
            raise ConfigError(
                f"embeddings times {self.scaled} and logits within {self.cap}; both above 0"
            )

    def build(self) -> "DecoderModel":
        return DecoderModel(self)


class DecoderModel(nn.Module):
    """The network a `Decoder` describes; `practicum.models.build.build` makes one with weights."""

    def __init__(self, description: Decoder) -> None:
        super().__init__()
        self.description = description
        width = description.stack.width
        self.embedding = empty_embedding(description.vocab, width)
        positions = description.positions
        self.positions = None if positions is None else positions.build(description.context, width)
        self.stack = description.stack.build()
        self._packed_output: Prepacked | None = None
        tokens = {"token": description.vocab}
        self.head = None if description.tied else LinearLayer(width, tokens, bias=description.bias)

    @property
    def output_weight(self) -> Float[Tensor, "v d"]:
        """The matrix that scores tokens: the embedding itself where they are tied."""
        return self.embedding.weight if self.head is None else self.head.weight

    def hidden(
        self,
        ids: Int[Tensor, "b t"],
        state: Past | None = None,
        segments: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """What the stack makes of each token, before it is scored.

        `state` appends to what was read before; `segments` numbers the documents of packed rows,
        which then do not see each other.
        """
        past: Past = state or (Whole() if segments is None else Packed(segments))
        x = embedded(
            ids,
            self.embedding,
            self.positions,
            past,
            context=self.description.context,
            scale=self.description.scaled,
            dropout=self.description.dropout if self.training else 0.0,
        )
        return self.stack(x, past)

    def logits(self, hidden: Float[Tensor, "*b d"]) -> Float[Tensor, "*b v"]:
        """Scores of every token of the vocabulary as the next one."""
        bias = None if self.head is None else self.head.bias
        if inferring():
            logits = read_linear(hidden, self.output_weight, bias, self._packed_output)
        else:
            logits = F.linear(hidden, self.output_weight, bias)
        cap = self.description.cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def forward(
        self,
        ids: Int[Tensor, "b t"],
        state: Past | None = None,
        segments: Int[Tensor, "b t"] | None = None,
    ) -> Float[Tensor, "b t v"]:
        return self.logits(self.hidden(ids, state, segments))

    def prepack(self) -> None:
        """Copy every matrix into the layout that a CPU's products read fastest.

        Inference (not training) is up to twice as fast for batches and prompts, at the price of a
        second copy of the matrices. A matrix changed afterwards is read plainly until packed anew.
        """
        for module in self.stack.modules():
            if isinstance(module, LinearLayer):
                module.prepack()
        self._packed_output = prepacked(self.output_weight)

    def new_state(self, rows: int, capacity: int) -> StackState:
        """An empty past for `rows` texts of at most `capacity` tokens each."""
        return self.stack.new_state(rows, capacity)
