"""Ways of making a source and a target from plain text (Raffel et al. 2019, §3.3, Table 3).

    prefix LM            the first part of the text          the rest
    BERT-style           marks and strays among the text     the text
    MASS-style           marks among the text                the text
    replaced spans       a sentinel for every hidden stretch as in `span_corruption`
    dropped tokens       the text without the hidden tokens  the hidden tokens
    deshuffling          the tokens in any order             the text

Each hides tokens one by one where `span_corruption.SpanCorruption` hides stretches. All are scored
alike, by `Translation`: a text-to-text model has one loss, whatever it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError
from practicum.models.sequence_to_sequence import SequenceToSequence
from practicum.objectives.objective import Loss
from practicum.objectives.span_corruption import Ids, Sentinels, SpanCorruption, cut_out
from practicum.objectives.translation import Translation, TranslationBatch


@dataclass(frozen=True, kw_only=True)
class PrefixLM:
    """The text goes on: it is cut in two at a place that is as likely as any other."""

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        """Raises DataError for a text of one token."""
        if len(ids) < 2:
            raise DataError(f"a text of {len(ids)} tokens cannot be cut in two; give 2 or more")
        cut = 1 + int(torch.randint(len(ids) - 1, (), generator=generator))
        return _pair(ids[:cut], ids[cut:])


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Hidden tokens are wanted with all others: the target is the whole text.

    A hidden token is replaced by `mark`, or, with probability `stray`, by any of `vocab` ids: 0.1
    is BERT's way, 0 that of MASS.
    """

    mark: int
    vocab: int
    rate: float = 0.15
    stray: float = 0.1

    def __post_init__(self) -> None:
        _check_rate(self)
        if not 0 <= self.stray <= 1 or self.vocab < 1:
            raise ConfigError(
                f"Restored with strays at {self.stray} of {self.vocab} ids; expected a share "
                "from 0 to 1 of 1 or more"
            )

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        strays = torch.randint(self.vocab, (len(ids),), generator=generator).numpy()
        stray = np.where(_drawn(len(ids), self.stray, generator), strays, self.mark)
        hidden = _drawn(len(ids), self.rate, generator)
        return _pair(np.where(hidden, stray, ids), ids)


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """Tokens are hidden one by one; neighbours that are hidden share a sentinel."""

    sentinels: Sentinels = Sentinels()
    rate: float = 0.15

    def __post_init__(self) -> None:
        _check_rate(self)

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        """Raises DataError where the sentinels do not last."""
        return cut_out(ids, _drawn(len(ids), self.rate, generator), self.sentinels)


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Hidden tokens leave no trace in the source, and are the target."""

    rate: float = 0.15

    def __post_init__(self) -> None:
        _check_rate(self)

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        hidden = _drawn(len(ids), self.rate, generator)
        hidden[0] = False  # a source has a token at least
        return _pair(ids[~hidden], ids[hidden])


@dataclass(frozen=True, kw_only=True)
class Deshuffled:
    """The text is wanted from its tokens in any order."""

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        return _pair(shuffled(ids, generator), ids)


Rule = SpanCorruption | PrefixLM | Restored | Replaced | Dropped | Deshuffled


@dataclass(frozen=True, kw_only=True)
class TextToText:
    """Learning from plain text by a `rule`, drawn anew whenever a text comes up."""

    rule: Rule
    translation: Translation  # its `begin` is T5's padding id, 0; its `end` closes sources, too

    def prepare(
        self, examples: Sequence[Int64[np.ndarray, " _"]], generator: torch.Generator
    ) -> TranslationBatch:
        """Raises DataError for texts that the rule cannot work on."""
        pairs = [self.rule(ids, generator) for ids in examples]
        closed = [TokenPair((*source, self.translation.end), target) for source, target in pairs]
        return self.translation.prepare(closed, generator)

    def loss(self, model: SequenceToSequence, batch: TranslationBatch) -> Loss:
        return self.translation.loss(model, batch)


def shuffled(ids: Ids, generator: torch.Generator) -> Ids:
    """The same tokens in an order that is as likely as any other."""
    return ids[torch.randperm(len(ids), generator=generator).numpy()]


def _drawn(length: int, share: float, generator: torch.Generator) -> Bool[np.ndarray, " t"]:
    return (torch.rand(length, generator=generator) < share).numpy()


def _pair(source: Int64[np.ndarray, " s"], target: Ids) -> TokenPair:
    return TokenPair(tuple(source.tolist()), tuple(target.tolist()))


def _check_rate(rule: Restored | Replaced | Dropped) -> None:
    if not 0 < rule.rate < 1:
        raise ConfigError(
            f"{type(rule).__name__}.rate is {rule.rate}; expected between 0 and 1, both excluded"
        )
