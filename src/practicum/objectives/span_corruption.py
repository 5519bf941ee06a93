"""Span corruption: stretches of a text are cut out, and the cut-out stretches are to be written.

    text      Thank you for inviting me to your party last week
    source    Thank you <X> me to your party <Y> week
    target    <X> for inviting <Y> last <Z>                 (Raffel et al. 2019, Fig. 2 and §3.1.4)

Each stretch is one sentinel in the source; the target names the sentinels in their order, what each
stands for, and one more at the end. Which tokens belong to a stretch is drawn as lengths: both what
is cut out and what stays are split at random into as many parts as there are stretches, all ways of
splitting alike, and the parts take turns, a kept one first. So the number of tokens on either side
depends on the length of the text alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Int64

from practicum.data.parallel import TokenPair
from practicum.errors import ConfigError, DataError

Ids = Int64[np.ndarray, " t"]


@dataclass(frozen=True, kw_only=True)
class Sentinels:
    """The ids that stand for what was cut out: `first`, `first` − 1, …, `count` of them.

    In T5's vocabulary `<extra_id_0>` is the last of them by id: they count down.
    """

    first: int = 32_099
    count: int = 100

    def __post_init__(self) -> None:
        if self.count < 2 or self.first < self.count - 1:
            raise ConfigError(
                f"{self.count} sentinels down from id {self.first}; expected 2 or more, the last "
                "at id 0 or above"
            )

    def __contains__(self, id: int) -> bool:
        return self.first - self.count < id <= self.first

    def id(self, number: int) -> int:
        """The id of sentinel `number`, from 0. Raises DataError where there are not so many."""
        if not 0 <= number < self.count:
            raise DataError(
                f"sentinel {number} is needed and there are {self.count}; cut shorter texts, "
                "corrupt less, or keep more ids for them"
            )
        return self.first - number


@dataclass(frozen=True, kw_only=True)
class SpanCorruption:
    """A share `rate` of the tokens is cut out, in stretches of `mean` tokens in the mean."""

    rate: float = 0.15
    mean: float = 3.0
    sentinels: Sentinels = Sentinels()

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1 or self.mean < 1:
            raise ConfigError(
                f"SpanCorruption at a rate of {self.rate} in stretches of {self.mean}; expected a "
                "rate between 0 and 1 and stretches of at least 1"
            )

    def __call__(self, ids: Ids, generator: torch.Generator) -> TokenPair:
        """Raises DataError for a text of one token, or one that takes too many sentinels."""
        return cut_out(ids, self.hidden(len(ids), generator), self.sentinels)

    def counts(self, length: int) -> tuple[int, int]:
        """How many of `length` tokens are cut out, and in how many stretches.

        Raises DataError below two tokens, of which none could be cut out and one stay.
        """
        if length < 2:
            raise DataError(f"a text of {length} tokens cannot be corrupted; give 2 or more")
        hidden = min(max(1, round(length * self.rate)), length - 1)
        return hidden, min(max(1, round(hidden / self.mean)), hidden, length - hidden)

    def lengths(self, length: int) -> tuple[int, int]:
        """Tokens of source and target, the end of neither counted: 568 give 511 and 114."""
        hidden, spans = self.counts(length)
        return length - hidden + spans, hidden + spans + 1

    def raw_length(self, source: int) -> int:
        """How long a text may be for a source of at most `source` tokens: 568 for 511.

        Raises DataError where even two tokens are too many.
        """
        if source < 2:
            raise DataError(f"a source of {source} tokens holds no corrupted text; allow 2 or more")
        length = source
        while self.lengths(length + 1)[0] <= source:
            length += 1
        return length

    def hidden(self, length: int, generator: torch.Generator) -> Bool[np.ndarray, " t"]:
        """True where a text of `length` tokens is cut out."""
        hidden, spans = self.counts(length)
        parts = np.stack(
            [_parts(length - hidden, spans, generator), _parts(hidden, spans, generator)], axis=1
        )
        return np.repeat(np.arange(2 * spans) % 2 == 1, parts.flatten())


def cut_out(ids: Ids, hidden: Bool[np.ndarray, " t"], sentinels: Sentinels) -> TokenPair:
    """Source and target of a text of which the `hidden` tokens are cut out.

    Hidden neighbours are one stretch. Raises DataError where the sentinels do not last.
    """
    borders = np.flatnonzero(np.diff(hidden, prepend=False, append=False))
    source: list[int] = []
    target: list[int] = []
    done = 0
    for number, (start, stop) in enumerate(borders.reshape(-1, 2).tolist()):
        mark = sentinels.id(number)
        source += [*ids[done:start].tolist(), mark]
        target += [mark, *ids[start:stop].tolist()]
        done = stop
    target.append(sentinels.id(len(borders) // 2))
    return TokenPair((*source, *ids[done:].tolist()), tuple(target))


def filled_in(source: Sequence[int], target: Sequence[int], sentinels: Sentinels) -> list[int]:
    """The source with its sentinels replaced by what the target says of them: `cut_out` undone.

    What a target, which a model may have written, says of no sentinel of the source is left out; a
    sentinel of which it says nothing leaves nothing.
    """
    marks = [place for place, id in enumerate(target) if id in sentinels]
    said = {
        target[start]: target[start + 1 : stop] for start, stop in pairwise([*marks, len(target)])
    }
    parts = [said.get(id, ()) if id in sentinels else (id,) for id in source]
    return [id for part in parts for id in part]


def _parts(total: int, count: int, generator: torch.Generator) -> Int64[np.ndarray, " n"]:
    """`total` as a sum of `count` numbers of 1 or more, all such sums alike."""
    cuts = torch.randperm(total - 1, generator=generator)[: count - 1].sort().values + 1
    return np.diff(cuts.numpy(), prepend=0, append=total)
