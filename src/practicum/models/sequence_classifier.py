"""A network that reads a signal and says what it is: rows of numbers over time, one class each.

    logits = W_head · readout(body(W_encoder x + positions))

The readout is the mean over the real steps, or the last real one. A body that reads forwards alone
can also be asked while a signal comes in: `stream` goes on from a state of fixed size, and says
after every step what a last-step readout would say if the signal ended there.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from practicum.errors import ConfigError, ModelError
from practicum.nn.embedding import too_long
from practicum.nn.gated_stack import GatedStack
from practicum.nn.initial import Rule
from practicum.nn.linear import LinearLayer
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.nn.stack import Stack, StackLayer, StackState
from practicum.nn.state import BothWays, Past, Whole

Readout = Literal["mean", "last"]


@dataclass(frozen=True, kw_only=True)
class SequenceClassifier:
    """Reads steps of `features` numbers, tells `classes` apart."""

    features: int
    classes: int
    body: Stack | GatedStack
    initial: tuple[Rule, ...]
    readout: Readout = "mean"
    both_ways: bool = False  # every step may see all others; else those before it
    positions: LearnedPositions | SinusoidalPositions | None = None
    context: int | None = None  # the most steps, which positions have to know

    def __post_init__(self) -> None:
        if min(self.features, self.classes, self.context or 1) < 1:
            raise ConfigError(
                f"a classifier of {self.features} features, {self.classes} classes and a context "
                f"of {self.context}; all must be at least 1"
            )
        if (self.positions is None) != (self.context is None):
            raise ConfigError("SequenceClassifier.positions and .context go together, or neither")

    def build(self) -> "SequenceClassifierModel":
        return SequenceClassifierModel(self)


class SequenceClassifierModel(nn.Module):
    """The network a `SequenceClassifier` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: SequenceClassifier) -> None:
        super().__init__()
        self.description = description
        width, positions = description.body.width, description.positions
        self.encoder = LinearLayer(description.features, {"step": width}, bias=True)
        self.positions = (
            None if positions is None else positions.build(description.context or 0, width)
        )
        self.body = description.body.build()
        self.head = LinearLayer(width, {"class": description.classes}, bias=True)

    def forward(
        self, x: Float[Tensor, "b t f"], real: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b classes"]:
        """Scores (logits); `real` is false where a row is padded, on its right."""
        hidden = self.hidden(x, BothWays(real) if self.description.both_ways else Whole())
        if self.description.readout == "last":
            last = -1 if real is None else real.sum(1) - 1
            return self.head(hidden[torch.arange(len(x), device=x.device), last])
        if real is None:
            return self.head(hidden.mean(1))
        weights = real.to(hidden.dtype) / real.sum(1, keepdim=True)
        return self.head(torch.einsum("btd,bt->bd", hidden, weights))

    def hidden(self, x: Float[Tensor, "b t f"], past: Past) -> Float[Tensor, "b t d"]:
        """What the body makes of every step. Raises ModelError past the context of positions."""
        steps = self.encoder(x)
        if self.positions is not None:
            reach, context = past.reach(x.shape[1]), self.description.context or 0
            if reach > context:
                raise too_long(reach, context)
            places = past.positions(x.shape[1], x.device)
            steps = steps + self.positions(places).to(steps.dtype)
        return self.body(steps, past)

    def new_state(self, rows: int, capacity: int) -> StackState:
        """Where `rows` signals of at most `capacity` steps begin to be streamed.

        Raises ModelError for a body that reads whole rows alone.
        """
        if self.description.both_ways or not isinstance(self.body, StackLayer):
            raise ModelError("this classifier reads whole signals; it cannot follow one")
        return self.body.new_state(rows, capacity)

    def stream(self, x: Float[Tensor, "b t f"], state: StackState) -> Float[Tensor, "b t classes"]:
        """Scores after each of the next steps, as of a signal that ends there.

        Raises ModelError where the readout is the mean, which would have to be carried along.
        """
        if self.description.readout != "last":
            raise ModelError(
                "a mean is known at the end of a signal; describe it with readout='last'"
            )
        return self.head(self.hidden(x, state))
