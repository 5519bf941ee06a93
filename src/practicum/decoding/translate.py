"""Answers to many sources by beam search, those of similar length together.

An answer may have `extra` words more than its source, its end token included (Vaswani et al. 2017,
§6.1: 50), and no more than the model's context.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.data.padding import padded
from practicum.decoding.beam import Beam, Hypothesis, beam_search
from practicum.errors import DataError, ModelError
from practicum.models.sequence_to_sequence import SequenceToSequence
from practicum.tokenizers.tokenizer import Tokenizer

GREEDY = Beam(width=1, alpha=0.0)
OF_FOUR = Beam()  # the width and the penalty of the paper


def translate(
    model: SequenceToSequence,
    sources: Sequence[Sequence[int]],
    *,
    begin: int,
    end: int,
    beam: Beam = GREEDY,
    batch: int = 64,
    extra: int = 50,
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """The hypotheses for each source, the best first; their ids end with `end` if finished.

    Raises DataError for a source without tokens, ModelError for one longer than the context.
    """
    _check(sources, getattr(model.description, "context", None))
    answers: list[list[Hypothesis]] = [[] for _ in sources]
    order = sorted(range(len(sources)), key=lambda number: len(sources[number]))
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        found = _together(
            model, [sources[number] for number in numbers], begin, end, beam, extra, device
        )
        for number, hypotheses in zip(numbers, found, strict=True):
            answers[number] = hypotheses
    return answers


@dataclass(frozen=True, kw_only=True, eq=False)
class Translator:
    """A network with the tokenizers of its two languages: text in, text out.

    An answer begins after the target tokenizer's begin token, or its end token where it has none.
    """

    model: SequenceToSequence
    source: Tokenizer
    target: Tokenizer
    device: torch.device | str = "cpu"

    def __post_init__(self) -> None:
        if self.target.end is None:
            raise ModelError("the target's tokenizer has no end token, so no answer would be over")

    @property
    def end(self) -> int:
        """The id that ends an answer."""
        assert self.target.end is not None, "checked when made"
        return self.target.end

    @property
    def begin(self) -> int:
        """The id after which an answer begins."""
        return self.end if self.target.begin is None else self.target.begin

    def translate(
        self, texts: Sequence[str], *, beam: Beam = OF_FOUR, batch: int = 64
    ) -> list[str]:
        """The best translation of each text."""
        sources = [self.source.encode(text) for text in texts]
        found = translate(
            self.model,
            sources,
            begin=self.begin,
            end=self.end,
            beam=beam,
            batch=batch,
            device=self.device,
        )
        return [self.text(hypotheses[0]) for hypotheses in found]

    def text(self, hypothesis: Hypothesis) -> str:
        """What a hypothesis says."""
        return self.target.decode([word for word in hypothesis.ids if word != self.end])


def said(hypothesis: Hypothesis) -> tuple[int, ...]:
    """The words of an answer, without the token that ends it."""
    return hypothesis.ids[:-1] if hypothesis.finished else hypothesis.ids


def _together(
    model: SequenceToSequence,
    sources: Sequence[Sequence[int]],
    begin: int,
    end: int,
    beam: Beam,
    extra: int,
    device: torch.device | str,
) -> list[list[Hypothesis]]:
    source, real = padded(sources)
    context = getattr(model.description, "context", None)
    longest = [len(one) + extra for one in sources]
    if context is not None:
        longest = [min(length, context) for length in longest]

    def step(state: Any, last: Int[Tensor, " b"]) -> Float[Tensor, "b v"]:
        return model.step(state, last).float().log_softmax(-1)

    with torch.inference_mode():
        state = model.start(
            source.to(device), None if bool(real.all()) else real.to(device), max(longest)
        )
        first = torch.full((len(sources),), begin, device=device)
        return beam_search(step, state, first, end=end, longest=longest, beam=beam)


def _check(sources: Sequence[Sequence[int]], context: int | None) -> None:
    for number, source in enumerate(sources, start=1):
        if not source:
            raise DataError(f"source {number} has no tokens; leave out empty texts")
        if context is not None and len(source) > context:
            raise ModelError(
                f"source {number} has {len(source)} tokens, the model reads {context}; shorten it"
            )
