"""How well a model predicts a text, in units that do not depend on its tokenizer.

Perplexity per token rewards long tokens. So the total log-probability of the text is divided by
counts of the text itself: bytes (bits per byte), characters, or the data set's own words (Radford
et al. 2019, §3.1). Every token is scored once, the first after the token that begins a document;
documents beyond the context are read in overlapping windows.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from practicum.errors import DataError
from practicum.evaluation.scorer import Scorer
from practicum.events import Progress, emit

TOGETHER = 256  # documents handed to the scorer at once


class Written(Protocol):
    """A document of a corpus, or anything else with a text."""

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class TextScore:
    """−log P of a text in `nats`, and the counts it can be divided by."""

    nats: float
    tokens: int  # of the scorer's tokenizer
    bytes: int  # UTF-8, of the text as the data set has it
    characters: int
    words: int  # the data set's own tokens

    @property
    def bits_per_byte(self) -> float:
        """−log₂ P / bytes: comparable across tokenizers, and with compressors."""
        return self.nats / math.log(2) / self.bytes

    @property
    def bits_per_character(self) -> float:
        """−log₂ P / characters."""
        return self.nats / math.log(2) / self.characters

    @property
    def word_perplexity(self) -> float:
        """exp(−log P / words): comparable across tokenizers on one data set."""
        return math.exp(self.nats / self.words)

    @property
    def token_perplexity(self) -> float:
        """exp(−log P / tokens): comparable between models of one tokenizer only."""
        return math.exp(self.nats / self.tokens)


def white_space_words(text: str) -> int:
    """How many runs of anything but white space."""
    return len(text.split())


def score_text(
    scorer: Scorer,
    documents: Iterable[Written | str],
    *,
    words: Callable[[str], int] = white_space_words,
    detokenise: Callable[[str], str] | None = None,
) -> TextScore:
    """The score of all documents together. Empty documents count nothing.

    `words` counts the data set's own tokens. With `detokenise` (invertible, see `detokenisers`) the
    model reads the text with the data set's artefacts undone; counts stay those of the original.

    Raises DataError when there is nothing to score.
    """
    nats, tokens, counts = [], 0, [0, 0, 0]
    done = 0
    for texts in _together(documents):
        read = texts if detokenise is None else [detokenise(text) for text in texts]
        for likelihood in scorer.loglikelihood([("", text) for text in read]):
            nats.append(-likelihood.total)
            tokens += len(likelihood.tokens)
        for text in texts:
            counts = [
                counts[0] + len(text.encode()),
                counts[1] + len(text),
                counts[2] + words(text),
            ]
        done += len(texts)
        emit(Progress(task="scoring text", done=done, unit="documents"))
    if not tokens:
        raise DataError("there is no text to score: every document is empty")
    return TextScore(
        nats=math.fsum(nats), tokens=tokens, bytes=counts[0], characters=counts[1], words=counts[2]
    )


def bits_per_byte(scorer: Scorer, documents: Iterable[Written | str]) -> float:
    """−log₂ P(documents) divided by their bytes in UTF-8."""
    return score_text(scorer, documents).bits_per_byte


def _together(documents: Iterable[Written | str]) -> Iterator[list[str]]:
    remaining = (text for d in documents if (text := d if isinstance(d, str) else d.text))
    while batch := list(islice(remaining, TOGETHER)):
        yield batch
