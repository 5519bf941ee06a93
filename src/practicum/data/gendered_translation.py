"""The sentences of `data.coreference` in a toy language with genders and two orders of words.

    the A did not cross the B because it was too ADJ
    ART_a A' crossed' ART_b B' not', because' PRO_r too' ADJ'_r was'

Every noun is of one of three genders. Its article agrees with it; pronoun and adjective agree with
the noun r that "it" is. In the main clause the verb comes second and "not" last; in the other the
verb comes last. So whoever translates has to find the referent, which no single word tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from practicum.data.coreference import (
    FILLERS,
    IDS,
    NOUNS,
    OF_THE_FIRST,
    OF_THE_SECOND,
    Crossing,
    Side,
    crossings,
)
from practicum.data.parallel import TokenPair

PAD, BEGIN, END = 0, 1, 2
GENDERS = "mfn"


def gender(noun: str) -> str:
    """One of m, f, n; each has a third of the nouns."""
    return GENDERS[NOUNS.index(noun) % len(GENDERS)]


ADJECTIVES = (*OF_THE_FIRST, *OF_THE_SECOND)
SOURCE_WORDS = ("<pad>", "<begin>", "<end>", *IDS)
TARGET_WORDS = (
    *SOURCE_WORDS[:3],
    *(f"THE.{one}" for one in GENDERS),
    *(f"IT.{one}" for one in GENDERS),
    *(word.upper() for word in FILLERS if word not in ("the", "it", "did")),
    *(noun.upper() for noun in NOUNS),
    *(f"{adjective.upper()}.{one}" for adjective in ADJECTIVES for one in GENDERS),
)
TARGET_IDS = {word: number for number, word in enumerate(TARGET_WORDS)}


@dataclass(frozen=True, kw_only=True)
class GenderedTranslation:
    """Fresh pairs of one side; `Coreference` holds the same sentences out."""

    side: Side = "train"

    def draw(self, count: int, rng: np.random.Generator) -> list[TokenPair]:
        """`count` pairs, any of the side equally likely."""
        every = crossings(self.side)
        return [pair(every[place]) for place in rng.integers(len(every), size=count)]


def rendered(sentence: Crossing) -> tuple[str, ...]:
    """The words of the translation."""
    first, second, of = sentence.first, sentence.second, gender(sentence.referent)
    main = (f"THE.{gender(first)}", first.upper(), "CROSS")
    rest = (f"THE.{gender(second)}", second.upper(), "NOT")
    return (
        *main,
        *rest,
        *("BECAUSE", f"IT.{of}", "TOO", f"{sentence.adjective.upper()}.{of}", "WAS"),
    )


def pair(sentence: Crossing) -> TokenPair:
    """Both sides in ids."""
    source = tuple(IDS[word] + len(SOURCE_WORDS) - len(IDS) for word in sentence.words)
    return TokenPair(source, tuple(TARGET_IDS[word] for word in rendered(sentence)))


def source_text(ids: Sequence[int]) -> list[str]:
    """The words that source ids stand for."""
    return [SOURCE_WORDS[number] for number in ids]


def target_text(ids: Sequence[int]) -> list[str]:
    """The words that target ids stand for."""
    return [TARGET_WORDS[number] for number in ids]
