"""One reading of a network with its values kept by name: what stands where, in every block.

Nothing is computed a second way: the network does its work, and listeners at its places keep what
was asked for (`interpret.kept`), or put something else there (`interpret.edits`). Listening changes
no bit of the output, and costs nothing where nobody listens.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from practicum.errors import ModelError
from practicum.interpret.edits import AnyEdit
from practicum.interpret.kept import EVERYTHING, Keep, Trace
from practicum.interpret.recorder import Recorder
from practicum.models.decoder import DecoderModel
from practicum.models.encoder import EncoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.nn.embedding import too_long
from practicum.nn.state import BothWays, Past, Whole


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
    return replace(writer.trace, source=reader.trace)


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
