"""Translations of short and of long sentences apart: BLEU and exact match by source length."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError
from practicum.evaluation.bleu import bleu
from practicum.tokenizers.tokenizer import Tokenizer

Ids = Sequence[int]
Cut = Callable[[Ids], Sequence[Hashable]]  # the words of an answer, as BLEU is to count them


@dataclass(frozen=True, kw_only=True)
class LengthScore:
    """What was measured on sentences whose source has `shortest` to `longest` tokens."""

    shortest: int
    longest: int
    count: int  # of sentences
    bleu: float  # 0 to 100
    exact: float  # the share said word for word


def by_length(
    pairs: Sequence[TokenPair],
    answers: Sequence[Ids],
    ranges: Sequence[tuple[int, int]],
    *,
    cut: Cut = tuple,
) -> list[LengthScore]:
    """A score for each range of lengths, both ends included; ranges without sentences are left out.

    Orders of n-grams for which all sentences of a range are too short are left out of its BLEU.
    """
    if len(pairs) != len(answers):
        raise DataError(
            f"{len(answers):,} answers to {len(pairs):,} sentences; expected one for each"
        )
    for shortest, longest in ranges:
        if not 1 <= shortest <= longest:
            raise ConfigError(
                f"lengths from {shortest} to {longest}; expected at least 1, and no more than the "
                "second"
            )
    scores = []
    for shortest, longest in ranges:
        own = [i for i, pair in enumerate(pairs) if shortest <= len(pair.source) <= longest]
        if own:
            right = [pairs[i].target for i in own]
            said = [answers[i] for i in own]
            scores.append(
                LengthScore(
                    shortest=shortest,
                    longest=longest,
                    count=len(own),
                    bleu=bleu(
                        [cut(one) for one in said], [[cut(one)] for one in right], effective=True
                    ).score,
                    exact=sum(map(_same, said, right)) / len(own),
                )
            )
    return scores


def published_words(tokenizer: Tokenizer) -> Cut:
    """Words as sacrebleu's default cuts them (mteval-v13a), so that scores compare with others'."""
    cutter = Tokenizer13a()
    return lambda ids: cutter(tokenizer.decode(ids)).split()


def _same(said: Ids, right: Ids) -> bool:
    return tuple(said) == tuple(right)
