"""How often a network from sequence to sequence says exactly what it should."""

from collections.abc import Sequence
from statistics import fmean

import torch

from practicum.data.parallel import TokenPair
from practicum.decoding.beam import Beam
from practicum.decoding.translate import GREEDY, said, translate
from practicum.errors import DataError
from practicum.models.sequence_to_sequence import SequenceToSequence


def exact_match(
    model: SequenceToSequence,
    pairs: Sequence[TokenPair],
    *,
    begin: int,
    end: int,
    beam: Beam = GREEDY,
    batch: int = 250,
    device: torch.device | str = "cpu",
) -> float:
    """The share of the pairs whose best answer is the target and then over.

    An answer is given up as soon as it is too long to be right. Raises DataError without pairs.
    """
    if not pairs:
        raise DataError("there are no pairs to measure on; give one or more")
    # an answer may be longer than its source by as much as any target is, and its end token
    extra = 1 + max(0, *(len(pair.target) - len(pair.source) for pair in pairs))
    answers = translate(
        model,
        [pair.source for pair in pairs],
        begin=begin,
        end=end,
        beam=beam,
        batch=batch,
        extra=extra,
        device=device,
    )
    return fmean(
        found[0].finished and said(found[0]) == pair.target
        for found, pair in zip(answers, pairs, strict=True)
    )
