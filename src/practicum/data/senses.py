"""Words of two meanings, each in sentences that end in it, so that all that comes before tells."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Ambiguous:
    """A word, its sentences, and the number of the meaning of each."""

    word: str
    senses: tuple[str, str]
    sentences: tuple[str, ...]
    meant: tuple[int, ...]


@cache
def ambiguous_words() -> tuple[Ambiguous, ...]:
    """All that there are."""
    lists = tomllib.loads(Path(__file__).with_name("senses.toml").read_text(encoding="utf-8"))
    return tuple(_word(word, senses) for word, senses in lists.items())


def _word(word: str, senses: dict[str, dict[str, list[str]]]) -> Ambiguous:
    first, second = senses
    every = [(number, one) for number, s in enumerate(senses) for one in senses[s]["sentences"]]
    return Ambiguous(
        word=word,
        senses=(first, second),
        sentences=tuple(one for _, one in every),
        meant=tuple(number for number, _ in every),
    )
