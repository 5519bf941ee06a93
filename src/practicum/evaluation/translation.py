"""Translations as text against one reference each: BLEU and chrF by sacrebleu (Post 2018).

These are the scores to publish: text goes in as people read it, sacrebleu cuts it into words, and
the signature says how, so that the numbers compare. `practicum.evaluation.bleu` scores what is cut
into words already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from practicum.errors import DataError

Words = Literal["13a", "intl", "zh", "char"]  # how BLEU cuts text; char: for Japanese, Thai, …


@dataclass(frozen=True, kw_only=True)
class TranslationScore:
    """Both scores, 0 to 100, and what has to stand beside them."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str


def score_translations(
    translations: Sequence[str], references: Sequence[str], *, words: Words = "13a"
) -> TranslationScore:
    """The scores of all sentences together.

    Raises DataError where there are none, or not a reference for each.
    """
    if len(translations) != len(references):
        raise DataError(
            f"{len(translations):,} translations and {len(references):,} references; expected one "
            "for each"
        )
    if not translations:
        raise DataError("there are no translations to score; give at least one")
    bleu, chrf = BLEU(tokenize=words), CHRF()
    texts, right = list(translations), [list(references)]
    return TranslationScore(
        bleu=bleu.corpus_score(texts, right).score,
        chrf=chrf.corpus_score(texts, right).score,
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
    )
