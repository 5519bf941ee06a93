"""The values of a network by name: which of them a trace keeps, and what was kept.

Values of a block:

    input       the residual stream that comes in      (then: position information is in it)
    queries, keys, values, weights, mixed              of every head, see `interpret.watching`
    attention   what the mixer adds to the stream      = W_O mixed
    cross_weights, cross                               the same of a look at a source
    mlp         what the feed-forward adds
    output      the residual stream that goes out

Values of no block: `token` (rows of the embedding), `place` (what is added for positions), `final`
(after the last norm), `logits`. `transformers` calls the inputs of the blocks and `final` its
hidden states, and `weights` its attentions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.errors import ModelError, UnknownName

STREAM = ("input", "attention", "cross", "mlp", "output")
HEADS = ("queries", "keys", "values", "weights", "mixed", "cross_weights")
WHOLE = ("token", "place", "final", "logits")
NAMES = (*STREAM, *HEADS, *WHOLE)


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What a trace keeps: its memory is this much and no more."""

    what: tuple[str, ...] = NAMES
    layers: tuple[int, ...] | None = None  # None: all
    positions: tuple[int, ...] | None = None  # of queries and vectors; −1 is the last; None: all

    def __post_init__(self) -> None:
        for name in self.what:
            if name not in NAMES:
                raise UnknownName("value of a trace", name, NAMES)

    def chosen_layers(self, depth: int) -> tuple[int, ...]:
        """The blocks asked for. Raises ModelError where one does not exist."""
        for layer in self.layers or ():
            if not -depth <= layer < depth:
                raise ModelError(f"no layer {layer}: this model has layers 0 to {depth - 1}")
        return _all(self.layers, depth)

    def chosen_positions(self, length: int) -> tuple[int, ...]:
        """The positions asked for. Raises ModelError where the text has no such one."""
        for place in self.positions or ():
            if not -length <= place < length:
                raise ModelError(f"no position {place}: this text has positions 0 to {length - 1}")
        return _all(self.positions, length)


EVERYTHING = Keep()


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The kept values of one stack. Axes as in `Attended`; of a batch of one, b is 1."""

    ids: Int[Tensor, "b t"]
    layers: tuple[int, ...]  # kept
    positions: tuple[int, ...]
    kept: dict[tuple[str, int | None], Tensor] = field(default_factory=dict)
    source: "Trace | None" = None  # of the encoder, where there is one

    def at(self, what: str, layer: int | None = None) -> Tensor:
        """The value called `what` (of block `layer`). Raises UnknownName where it was not kept."""
        if (what, layer) not in self.kept:
            known = {_called(*key) for key in self.kept}
            raise UnknownName("kept value", _called(what, layer), known)
        return self.kept[what, layer]

    def has(self, what: str, layer: int | None = None) -> bool:
        """Whether this value was kept."""
        return (what, layer) in self.kept

    def over_layers(self, what: str) -> Tensor:
        """The value called `what` of all kept blocks, one after another on a first axis."""
        return torch.stack([self.at(what, layer) for layer in self.layers])

    @property
    def logits(self) -> Float[Tensor, "b p v"]:
        """Scores of the next token, at the kept positions."""
        return self.at("logits")

    @property
    def nbytes(self) -> int:
        """Bytes of all that was kept."""
        mine = sum(value.numel() * value.element_size() for value in self.kept.values())
        return mine + (self.source.nbytes if self.source else 0)


def _all(chosen: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if chosen is None:
        return tuple(range(count))
    return tuple(dict.fromkeys(number % count for number in chosen))


def _called(what: str, layer: int | None) -> str:
    return what if layer is None else f"{what} of layer {layer}"
