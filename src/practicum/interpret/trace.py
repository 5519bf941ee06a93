"""One reading of a network with its values kept by name: what stands where, in every block.

Nothing is computed a second way: the network does its work, and listeners at its places keep what
was asked for (`Keep`), or put something else there (`interpret.edits`). Values of a block:

    input       the residual stream that comes in      (then: position information is in it)
    queries, keys, values, weights, mixed              of every head, see `interpret.watching`
    attention   what the mixer adds to the stream      = W_O mixed
    cross_weights, cross                               the same of a look at a source
    mlp         what the feed-forward adds
    output      the residual stream that goes out

Values of no block: `token` (rows of the embedding), `place` (what is added for positions), `final`
(after the last norm), `logits`. Listening changes no bit of the output. `transformers` calls the
inputs of the blocks and `final` its hidden states, and `weights` its attentions.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from practicum.errors import ModelError, UnknownName
from practicum.interpret.edits import AnyEdit, Edit, PatternEdit, other_weights
from practicum.interpret.watching import Attended, WatchedPast, watched
from practicum.models.decoder import DecoderModel
from practicum.models.encoder import EncoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.nn.attention import AttentionLayer
from practicum.nn.embedding import too_long
from practicum.nn.source import Source
from practicum.nn.stack import BlockLayer, StackLayer
from practicum.nn.state import BothWays, Past, Reading, Whole

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


def trace(
    model: DecoderModel | EncoderModel,
    ids: Int[Tensor, "b t"],
    keep: Keep = EVERYTHING,
    *,
    edits: Sequence[AnyEdit] = (),
    real: Bool[Tensor, "b t"] | None = None,
    past: Past | None = None,
    gradients: bool = False,
) -> Trace:
    """What happens while `model` reads `ids`; `logits` of an encoder are its answers.

    `past` is another way of reading than at once from the start (a cache, packed documents); `real`
    is false on an encoder's padding. With `gradients` the values are part of autograd's graph.

    Raises ModelError for an empty or too long text, and for layers or positions that do not exist.
    """
    _check(ids, model.description.context)
    both_ways = isinstance(model, EncoderModel)
    recorder = Recorder(model.stack, ids, keep, edits)
    with _quietly(model, gradients), recorder.listening(model.embedding, model.positions):
        if both_ways:
            hidden = model.hidden(ids, real, past=recorder.past(past or BothWays(real)))
        else:
            hidden = model.hidden(ids, recorder.past(past or Whole()))
        recorder.score(hidden, model.head if both_ways else model.logits)
    return recorder.trace


def trace_translation(
    model: EncoderDecoderModel,
    source: Int[Tensor, "b s"],
    target: Int[Tensor, "b t"],
    keep: Keep = EVERYTHING,
    *,
    edits: Sequence[AnyEdit] = (),
    reading: Keep | None = None,
    reading_edits: Sequence[AnyEdit] = (),
    real: Bool[Tensor, "b s"] | None = None,
    gradients: bool = False,
) -> Trace:
    """What happens in the decoder while it reads `target`, and, as `Trace.source`, in the encoder.

    `reading` and `reading_edits` are for the encoder; it keeps `keep.what` where `reading` is None.
    Its values have no logits; `real` is false where a source is padded.
    """
    _check(source, model.description.context)
    _check(target, model.description.context)
    reader = Recorder(model.encoder, source, reading or Keep(what=keep.what), reading_edits)
    writer = Recorder(model.decoder, target, keep, edits)
    with _quietly(model, gradients):
        with reader.listening(model.source_embedding, model.source_positions):
            memory = model.read(source, real, past=reader.past(BothWays(real)))
        with writer.listening(model.target_embedding, model.target_positions):
            sources = writer.sources(model.decoder.sources(memory, real))
            hidden = model.hidden(target, sources, writer.past(Whole()))
        writer.score(hidden, model.logits)
    return Trace(**{**vars(writer.trace), "source": reader.trace})


class Recorder:
    """Listens to one stack and fills a trace; also makes the edits."""

    def __init__(
        self,
        stack: StackLayer,
        ids: Int[Tensor, "b t"],
        keep: Keep,
        edits: Sequence[AnyEdit],
    ) -> None:
        depth = len(stack.blocks)
        self.stack, self.what = stack, frozenset(keep.what)
        self.trace = Trace(
            ids=ids,
            layers=keep.chosen_layers(depth),
            positions=keep.chosen_positions(ids.shape[1]),
        )
        self.everywhere = keep.positions is None
        here = [replace(e, layers=Keep(layers=e.layers).chosen_layers(depth)) for e in edits]
        self.edits = [edit for edit in here if isinstance(edit, Edit)]
        self.patterns = [edit for edit in here if isinstance(edit, PatternEdit)]
        for edit in self.patterns:
            self._check_heads(edit)

    def past(self, past: Past) -> Past:
        """`past`, watched in the blocks where what attention does is kept or changed."""
        wanted = {"queries", "keys", "values", "weights"} & self.what
        layers = self._attended(bool(wanted), cross=False)
        return _WatchedBlocks(past, self._attend, layers) if layers else past

    def sources(self, sources: Sequence[Source | None]) -> list[Source | None]:
        """`sources`, watched in the blocks where the look at them is kept or changed."""
        layers = self._attended("cross_weights" in self.what, cross=True)
        listened = watched(sources, self._look)
        return [listened[i] if i in layers else source for i, source in enumerate(sources)]

    @contextmanager
    def listening(self, embedding: nn.Module, positions: nn.Module | None) -> Iterator[None]:
        """Within the block, what is asked for is kept and edits are made."""
        handles = [self._after(embedding, "token", None)]
        if positions is not None:
            handles.append(self._after(positions, "place", None))
        for layer, block in enumerate(self.stack.blocks):
            assert isinstance(block, BlockLayer), type(block)
            handles += [
                self._before(block, "input", layer),
                self._gathered(block.mixer, layer),
                self._after(block.mixer, "attention", layer),
                self._after(block, "output", layer),
            ]
            if block.cross is not None:  # whose `look` is no `forward`
                handles.append(self._after(block.cross.out, "cross", layer))
            if block.ffn is not None:
                handles.append(self._after(block.ffn, "mlp", layer))
        handles.append(self._after(self.stack, "final", None))
        try:
            yield
        finally:
            for handle in handles:
                if handle is not None:
                    handle.remove()

    def score(self, hidden: Float[Tensor, "b t d"], score: Callable[[Tensor], Tensor]) -> None:
        """Keep the logits, of the chosen positions alone."""
        if "logits" in self.what:
            self.trace.kept["logits", None] = score(self._chosen(hidden, 1))

    def _attended(self, wanted: bool, *, cross: bool) -> set[int]:
        layers = set(self.trace.layers) if wanted else set()
        for edit in self.patterns:
            if edit.cross == cross:
                layers |= {layer for layer in range(len(self.stack.blocks)) if edit.at(layer)}
        return layers

    def _attend(self, attended: Attended) -> Tensor | None:
        layer = attended.layer
        edits = [edit for edit in self.patterns if edit.at(layer) and not edit.cross]
        other = other_weights(attended, edits)
        self._keep("queries", layer, attended.queries, 2)
        self._keep("keys", layer, attended.keys, None)
        self._keep("values", layer, attended.values, None)
        self._keep("weights", layer, attended.weights if other is None else other, 2)
        return other

    def _look(self, attended: Attended) -> Tensor | None:
        layer = attended.layer
        other = other_weights(attended, [e for e in self.patterns if e.at(layer) and e.cross])
        self._keep("cross_weights", layer, attended.weights if other is None else other, 2)
        return other

    def _keep(self, what: str, layer: int | None, value: Tensor, axis: int | None) -> None:
        """Keep what was asked for; `axis` is the one of positions, None where all stay."""
        if what in self.what and (layer is None or layer in self.trace.layers):
            chosen = value if axis is None else self._chosen(value, axis)
            # a view would hold all that it is a view of
            self.trace.kept[what, layer] = chosen.clone() if chosen._is_view() else chosen

    def _chosen(self, value: Tensor, axis: int) -> Tensor:
        if self.everywhere:
            return value
        return value.index_select(axis, torch.tensor(self.trace.positions, device=value.device))

    def _met(self, what: str, layer: int | None, value: Tensor, axis: int = 1) -> Tensor | None:
        """The value in place of `value`, if another one; it is kept as it then is."""
        new = value
        for edit in self.edits:
            if edit.what == what and edit.at(layer):
                new = edit.change(new)
        self._keep(what, layer, new, axis)
        return None if new is value else new

    def _asked(self, what: str, layer: int | None) -> bool:
        kept = what in self.what and (layer is None or layer in self.trace.layers)
        return kept or any(edit.what == what and edit.at(layer) for edit in self.edits)

    def _after(self, module: nn.Module, what: str, layer: int | None) -> Any:
        def hook(_module: nn.Module, _inputs: tuple[Any, ...], value: Any) -> Tensor | None:
            return self._met(what, layer, value)

        return module.register_forward_hook(hook) if self._asked(what, layer) else None

    def _before(self, module: nn.Module, what: str, layer: int) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            new = self._met(what, layer, inputs[0])
            return None if new is None else (new, *inputs[1:])

        return module.register_forward_pre_hook(hook) if self._asked(what, layer) else None

    def _gathered(self, mixer: AttentionLayer, layer: int) -> Any:
        """`mixed`, as it goes into the output matrix: after edits of patterns."""

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor] | None:
            mixed = rearrange(inputs[0], "b t (h c) -> b h t c", h=mixer.heads)
            new = self._met("mixed", layer, mixed, 2)
            return None if new is None else (rearrange(new, "b h t c -> b t (h c)"),)

        asked = self._asked("mixed", layer)
        return mixer.out.register_forward_pre_hook(hook) if asked else None

    def _check_heads(self, edit: PatternEdit) -> None:
        for layer, block in enumerate(self.stack.blocks):
            attention = block.cross if edit.cross else block.mixer
            heads = attention.heads if isinstance(attention, AttentionLayer) else 0
            for head in edit.heads or ():
                if edit.at(layer) and not -heads <= head < heads:
                    raise ModelError(f"no head {head}: layer {layer} has heads 0 to {heads - 1}")


class _WatchedBlocks(WatchedPast):
    """A past that is watched in some blocks."""

    def __init__(
        self, past: Past, listener: Callable[[Attended], Tensor | None], layers: set[int]
    ) -> None:
        super().__init__(past, listener)
        self.layers = layers

    def of_block(self, index: int) -> Reading:
        return super().of_block(index) if index in self.layers else self.past.of_block(index)


@contextmanager
def _quietly(model: nn.Module, gradients: bool) -> Iterator[None]:
    """In evaluation mode, and without a graph unless asked; the model is left as it was."""
    training = model.training
    model.eval()
    try:
        with torch.set_grad_enabled(gradients):
            yield
    finally:
        model.train(training)


def _check(ids: Int[Tensor, "b t"], context: int) -> None:
    if ids.shape[1] == 0:
        raise ModelError("the text has no tokens; give at least one character")
    if ids.shape[1] > context:
        raise too_long(ids.shape[1], context)


def _all(chosen: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if chosen is None:
        return tuple(range(count))
    return tuple(dict.fromkeys(number % count for number in chosen))


def _called(what: str, layer: int | None) -> str:
    return what if layer is None else f"{what} of layer {layer}"
