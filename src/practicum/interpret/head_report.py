"""Every head of a model in a line: how widely it looks, where, and what it is worth.

    entropy    −Σ w log w, in nats, a mean over queries: 0 looks at one place, log n at all alike
    offset     the place it looks at most, counted from where it stands, and the share it gets
    worth      nats a token by which the loss rises when this one head is pruned: it adds nothing

A head with a share near 1 is positional (Voita et al. 2019, §5); one that is worth nothing alone
may still be worth something where others are pruned too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.data.parallel import TokenPair
from practicum.errors import DataError
from practicum.interpret.edits import PatternEdit, without_heads
from practicum.interpret.heads import entropy
from practicum.interpret.kept import Keep, Trace
from practicum.interpret.offsets import favourites, offset_shares
from practicum.interpret.trace import trace, trace_translation
from practicum.kernels.cross_entropy import IGNORED
from practicum.models.decoder import DecoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.objectives.translation import Translation, TranslationBatch
from practicum.seeding import stream

Part = Literal["encoder", "decoder", "cross"]
WEIGHTS, NOTHING = Keep(what=("weights", "cross_weights")), Keep(what=("logits",))


@dataclass(frozen=True, kw_only=True)
class HeadLine:
    """One head; layers and heads are counted from 0."""

    part: Part
    layer: int
    head: int
    entropy: float
    offset: int
    share: float  # of the weight, at that offset
    worth: float


def language_heads(
    model: DecoderModel, ids: Int[Tensor, "b t"], *, reach: int = 8
) -> list[HeadLine]:
    """The heads of a language model on texts of two tokens or more, offsets up to `reach`."""
    if ids.shape[1] < 2:
        raise DataError("a text of one token tells nothing of heads; give two or more")
    patterns = _patterns(trace(model, ids, WEIGHTS), "weights")

    def loss(*edits: PatternEdit) -> float:
        logits = trace(model, ids, NOTHING, edits=edits).logits[:, :-1]
        return float(F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()))

    return _lines("decoder", [patterns], reach, loss)


def translation_heads(
    model: EncoderDecoderModel,
    pairs: Sequence[TokenPair],
    objective: Translation,
    *,
    reach: int = 8,
) -> list[HeadLine]:
    """The heads of a translator that read the source, the answer, and the source for the answer.

    Raises DataError without pairs.
    """
    if not pairs:
        raise DataError("there are no pairs to look at; give one or more")
    device = next(model.parameters()).device
    none = stream(0, "nothing is drawn")
    whole = objective.prepare(pairs, none).to(device)
    # patterns of one pair at a time: padding has none
    singles = [objective.prepare([pair], none).to(device) for pair in pairs]
    traces = [trace_translation(model, one.source, one.target, WEIGHTS) for one in singles]
    reading = [_patterns(kept.source, "weights") for kept in traces if kept.source is not None]

    def without(*edits: PatternEdit) -> float:
        return _loss(model, whole, edits, ())

    def reading_without(*edits: PatternEdit) -> float:
        return _loss(model, whole, (), edits)

    writing, looking = (
        [_patterns(kept, what) for kept in traces] for what in ("weights", "cross_weights")
    )
    return [
        *_lines("encoder", reading, reach, reading_without),
        *_lines("decoder", writing, reach, without),
        *_lines("cross", looking, reach, without),
    ]


def _loss(
    model: EncoderDecoderModel,
    batch: TranslationBatch,
    edits: Sequence[PatternEdit],
    reading_edits: Sequence[PatternEdit],
) -> float:
    kept = trace_translation(
        model,
        batch.source,
        batch.target,
        NOTHING,
        edits=edits,
        reading_edits=reading_edits,
        real=batch.real,
    )
    logits, wanted = kept.logits.flatten(0, 1), batch.wanted.flatten()
    return float(F.cross_entropy(logits, wanted, ignore_index=IGNORED))


def _patterns(kept: Trace, what: str) -> list[Float[Tensor, "_ h _ _"]]:
    return [kept.at(what, layer) for layer in kept.layers]


def _lines(
    part: Part,
    patterns: Sequence[list[Float[Tensor, "_ h _ _"]]],
    reach: int,
    loss: Callable[..., float],
) -> list[HeadLine]:
    """`patterns` by text and layer."""
    whole = loss()
    lines: list[HeadLine] = []
    for layer, of_texts in enumerate(zip(*patterns, strict=True)):
        reachable = min(reach, *(min(w.shape[-2:]) - 1 for w in of_texts))
        shares = torch.stack([offset_shares(w, reachable) for w in of_texts]).mean(0)
        found = favourites(shares)
        widths = torch.stack([entropy(w).mean(dim=(0, 2)) for w in of_texts]).mean(0)
        lines += [
            HeadLine(
                part=part,
                layer=layer,
                head=head,
                entropy=float(widths[head]),
                offset=int(found.offsets[head]),
                share=float(found.shares[head]),
                worth=loss(without_heads(layer, head, cross=part == "cross")) - whole,
            )
            for head in range(len(widths))
        ]
    return lines
