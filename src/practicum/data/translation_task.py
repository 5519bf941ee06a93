"""A translation to be learned, ready for networks: pairs in ids, what stands around them, words.

The toy pair of languages knows which word says which; the two English bibles, of 1611 and of
today, are real text in one shared vocabulary of byte-pair tokens, so that no word is unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from practicum.data.parallel import TokenPair, encode_pairs, split_pairs
from practicum.data.toy_translation import BEGIN, END, AlignedPair, ToyTranslation
from practicum.data.verse_pairs import version_pairs
from practicum.data.word_links import Link, Links
from practicum.errors import ConfigError
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True, eq=False)
class TranslationTask:
    """Pairs to learn from and to measure on, and the ids of both languages."""

    train: tuple[TokenPair, ...]
    test: tuple[TokenPair, ...]
    source_vocab: int
    target_vocab: int
    begin: int  # what an answer begins after, and what ends it
    end: int
    links: tuple[Links, ...] | None = None  # of `test`, where they are known
    texts: tuple[tuple[str, str], ...] | None = None  # of `test`, for a person; a word a token
    tokenizer: Tokenizer | None = None  # of both languages, where they are text

    def shown(self, number: int) -> tuple[list[str], list[str]]:
        """The tokens of a test pair as a person reads them."""
        if self.texts is not None:
            source, target = self.texts[number]
            return source.split(), target.split()
        assert self.tokenizer is not None, "a task without texts has a tokenizer"
        source, target = self.test[number]
        return self._pieces(source), self._pieces(target)

    def _pieces(self, ids: Sequence[int]) -> list[str]:
        assert self.tokenizer is not None
        return [self.tokenizer.decode([one]) for one in ids]


@dataclass(frozen=True, kw_only=True)
class ToyPairs:
    """So many pairs of the toy languages."""

    language: ToyTranslation = ToyTranslation()
    train: int = 20_000
    test: int = 2_000

    def task(self, *, seed: int) -> TranslationTask:
        language = self.language
        learned = language.pairs(self.train, side="train", seed=seed)
        asked = language.pairs(self.test, side="held_out", seed=seed)
        return TranslationTask(
            train=tuple(pair.tokens for pair in learned),
            test=tuple(pair.tokens for pair in asked),
            source_vocab=language.source_vocab,
            target_vocab=language.target_vocab,
            begin=BEGIN,
            end=END,
            links=tuple(_links(language, pair) for pair in asked),
            texts=tuple(language.text(pair) for pair in asked),
        )


@dataclass(frozen=True, kw_only=True)
class BiblePairs:
    """Verses of the King James Bible and of the World English Bible (31,099), every seed alike."""

    vocab: int = 4_000
    verses: int | None = None  # only so many, from the first; None: all

    def __post_init__(self) -> None:
        if self.vocab < 300:
            raise ConfigError(f"BiblePairs.vocab is {self.vocab}; expected at least 300")

    def task(self, *, seed: int) -> TranslationTask:
        sides = split_pairs(version_pairs()[: self.verses])
        specials = ("<|endoftext|>", "<|begin|>")
        texts = (text for pair in sides.train for text in pair)
        tokenizer = train_bpe(texts, self.vocab, specials=specials)
        end, begin = (tokenizer.specials[special] for special in specials)
        return TranslationTask(
            train=encode_pairs(sides.train, tokenizer, tokenizer),
            test=encode_pairs(sides.held_out, tokenizer, tokenizer),
            source_vocab=tokenizer.size,
            target_vocab=tokenizer.size,
            begin=begin,
            end=end,
            tokenizer=tokenizer,
        )


Pairs = ToyPairs | BiblePairs


def _links(language: ToyTranslation, pair: AlignedPair) -> Links:
    """Sure: what a word says. Possible: the noun, said next, that an article has its form from."""
    sure = [Link(place, word) for word, place in enumerate(pair.alignment)]
    nouns = [
        Link(pair.alignment[link.target + 1], link.target)
        for link in sure
        if pair.source[link.source] < language.nouns.start
    ]
    return Links(sure=frozenset(sure), possible=frozenset(nouns))
