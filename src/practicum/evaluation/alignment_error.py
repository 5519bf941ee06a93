"""How wrong the links of an alignment are, against those of a person (AER).

    AER = 1 − (|A ∩ S| + |A ∩ P|) / (|A| + |S|)     Och & Ney 2003, §4.1

A are the links found, S the sure ones and P ⊇ S the possible ones. Soft weights become links by the
largest weight of each target word; where each has one sure link, `recall` is how often that weight
is at the right word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from practicum.data.word_links import Link, Links
from practicum.errors import DataError


@dataclass(frozen=True, kw_only=True)
class AlignmentScore:
    """Of a corpus, each 0 to 1; a share of nothing is 1, since nothing was wrong."""

    error: float  # AER
    precision: float  # of the links found those that are possible or sure
    recall: float  # of the sure links those that were found


def strongest(weights: Float[np.ndarray, "t s"]) -> frozenset[Link]:
    """For each target word the source word with the largest weight, of equals the first.

    A target word that gave no weight at all has no link.
    """
    return frozenset(Link(int(row.argmax()), word) for word, row in enumerate(weights) if row.any())


def score_links(found: Sequence[frozenset[Link]], gold: Sequence[Links]) -> AlignmentScore:
    """The error over all sentences together. Raises DataError without a gold line for each."""
    if len(found) != len(gold) or not found:
        raise DataError(
            f"links of {len(found):,} sentences and right ones of {len(gold):,}; expected one "
            "line for each, and some"
        )
    sure = right = fine = said = 0
    for links, wanted in zip(found, gold, strict=True):
        sure, said = sure + len(wanted.sure), said + len(links)
        right += len(links & wanted.sure)
        fine += len(links & (wanted.sure | wanted.possible))
    return AlignmentScore(
        error=1 - (right + fine) / (said + sure) if said + sure else 0.0,
        precision=fine / said if said else 1.0,
        recall=right / sure if sure else 1.0,
    )
