"""Sentences and their translations, aligned word by word by a translator that nobody told how."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from practicum.data.parallel import SentencePair, TokenPair
from practicum.data.word_links import Link
from practicum.decoding.translate import Translator
from practicum.errors import ModelError
from practicum.evaluation.alignment_error import strongest
from practicum.evaluation.forced_alignment import Aligning, forced_alignments
from practicum.evaluation.unread import coverage, unread
from practicum.interpret.cross_alignment import CrossAlignment
from practicum.interpret.word_alignment import between_words, cut_tokens, cut_words
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.models.recurrent import RecurrentModel
from practicum.models.sequence_to_sequence import SequenceToSequence


@dataclass(frozen=True, kw_only=True)
class Span:
    """Neighbouring source words, from number `start` on."""

    start: int
    words: tuple[str, ...]
    coverage: float  # of the word that was looked at most


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceAlignment:
    """A pair in words, and how much each target word looked at each source word."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Float[np.ndarray, "t s"]

    @property
    def links(self) -> frozenset[Link]:
        """Each target word with the source word that it looked at most."""
        return strongest(self.weights)

    def unread(self, *, least: float = 0.2, words: int = 1) -> tuple[Span, ...]:
        """Runs of `words` or more source words that were hardly looked at (`evaluation.unread`)."""
        seen = coverage(self.weights)
        return tuple(
            Span(
                start=run.start,
                words=self.source[run.start : run.stop],
                coverage=float(seen[run.start : run.stop].max()),
            )
            for run in unread(self.weights, least=least, words=words)
        )


def align_sentences(
    translator: Translator,
    pairs: Sequence[SentencePair],
    *,
    layer: int | None = None,
    whole_words: bool = True,
    batch: int = 64,
) -> list[SentenceAlignment]:
    """The alignment of every pair; words are what white space bounds, or all tokens.

    `layer` is the block of a Transformer's decoder that is asked; None: the last but one.

    Raises ModelError: a network that cannot say where it looks, no such block, a sentence longer
    than the context; DataError: an empty sentence.
    """
    model = aligning(translator.model, layer)
    cut = cut_words if whole_words else cut_tokens
    sources = [cut(pair.source, translator.source) for pair in pairs]
    targets = [cut(pair.target, translator.target) for pair in pairs]
    tokens = [TokenPair(a.ids, b.ids) for a, b in zip(sources, targets, strict=True)]
    found = forced_alignments(
        model, tokens, begin=translator.begin, batch=batch, device=translator.device
    )
    return [
        SentenceAlignment(
            source=source.words,
            target=target.words,
            weights=between_words(weights, source, target),
        )
        for source, target, weights in zip(sources, targets, found, strict=True)
    ]


def aligning(model: SequenceToSequence, layer: int | None = None) -> Aligning:
    """What of `model` says where it looks. Raises ModelError where nothing does."""
    if isinstance(model, EncoderDecoderModel):
        return CrossAlignment(model) if layer is None else CrossAlignment(model, layer)
    if not isinstance(model, RecurrentModel):
        raise ModelError(f"a {type(model).__name__} does not say where it looks")
    if layer is not None:
        raise ModelError("a recurrent translator has one search and no layers; leave --layer out")
    return model
