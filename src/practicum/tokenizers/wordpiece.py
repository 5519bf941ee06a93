"""WordPiece with BERT's preparation of text (Wu et al. 2016, §4.1; Devlin et al. 2019, §3).

A text is made plain, cut into words and marks, and each word into the longest pieces there are,
from the left: "unaffable" → un, ##aff, ##able. A word that cannot be cut so, or that is longer than
`longest_word` characters, is the unknown token as a whole.

Not lossless: `decode` gives plain words with single spaces, as the `tokenizers` library does. Ids
are that library's, too. Its tables of characters are those of Unicode 8: some 500 marks that are
younger are punctuation or accents here and letters there.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.tokenizer import PieceTokenizer, Specials

UNKNOWN, BEGIN, END, PADDING, MASK = "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"
CONTINUING = "##"
_REMEMBERED = 1 << 16  # words whose pieces are kept
_HAN = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
# What `tokenizers` takes back where it decodes, token by token, with the space before it.
_TIDIED = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")),
    *((" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


@dataclass(frozen=True, kw_only=True)
class Plain:
    """How a text is made plain: control characters go, every kind of space is one."""

    lower: bool = True
    strip_accents: bool | None = None  # None: as `lower`
    han_apart: bool = True  # each character of Chinese script is a word

    @property
    def strips(self) -> bool:
        """Whether marks are taken off their letters."""
        return self.lower if self.strip_accents is None else self.strip_accents


class WordPiece(PieceTokenizer):
    """Cuts by `tokens`, whose places are their ids; `begin` is [CLS] and `end` is [SEP].

    `specials` are those of the usual names that are there, unless others are given. Raises
    TokenizerError where a token is there twice, or the unknown one is missing.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        plain: Plain | None = None,
        specials: Iterable[str] | None = None,
        unknown: str = UNKNOWN,
        longest_word: int = 100,
        tidy: bool = True,
    ) -> None:
        ids = {token: number for number, token in enumerate(tokens)}
        if len(ids) < len(tokens):
            twice = next(token for number, token in enumerate(tokens) if ids[token] != number)
            raise TokenizerError(f"the token {twice!r} is in the vocabulary twice")
        usual = (PADDING, unknown, BEGIN, END, MASK)
        named = [token for token in usual if token in ids] if specials is None else list(specials)
        lacking = next((token for token in (unknown, *named) if token not in ids), None)
        if lacking is not None:
            raise TokenizerError(f"the vocabulary of {len(tokens)} tokens lacks {lacking!r}")
        super().__init__(
            [token.encode() for token in tokens],
            {token: ids[token] for token in named},
            end=ids.get(END),
            begin=ids.get(BEGIN),
        )
        self.plain = plain or Plain()
        self.unknown, self.longest_word, self.tidy = ids[unknown], longest_word, tidy
        self._tokens = list(tokens)
        self._starts, self._goes_on = _halves(ids)
        self._longest = max((len(token) for token in tokens), default=0)
        self._known: dict[str, list[int]] = {}
        self._cleaned, self._marked = _Cleaned(self.plain), _Marked(self.plain)

    def _encode_plain(self, text: str) -> list[int]:
        text.encode()  # a lone surrogate is an error here
        known, ids = self._known, list[int]()
        for word in self._words(text):
            pieces = known.get(word)
            if pieces is None:
                pieces = self._pieces_of(word)
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[word] = pieces
            ids += pieces
        return ids

    def _words(self, text: str) -> list[str]:
        """The plain words and marks of a text."""
        text = text.translate(self._cleaned)
        if self.plain.strips and not text.isascii():
            text = unicodedata.normalize("NFD", text)
        return text.translate(self._marked).split()

    def _pieces_of(self, word: str) -> list[int]:
        return [number for number, _ in self._cut(word)]

    def _cut(self, word: str) -> list[tuple[int, int]]:
        """Ids and how many characters each takes, the longest from the left."""
        size, start, pieces = len(word), 0, list[tuple[int, int]]()
        if size > self.longest_word:
            return [(self.unknown, size)]
        while start < size:
            table = self._goes_on if start else self._starts
            stop = min(size, start + self._longest)
            while stop > start and word[start:stop] not in table:
                stop -= 1
            if stop == start:
                return [(self.unknown, size)]
            pieces.append((table[word[start:stop]], stop - start))
            start = stop
        return pieces

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokenizer.encode_with_offsets`. White space and what is taken out is nobody's."""
        ids = self.encode(text, specials=specials)
        offsets: list[tuple[int, int]] = []
        start = 0
        for place, part in enumerate(self._parts(text, specials)):
            stop = start + len(part.encode())
            offsets += [(start, stop)] if place % 2 else self._spans(part, start)
            start = stop
        return ids, offsets

    def _spans(self, text: str, base: int) -> Iterator[tuple[int, int]]:
        """The bytes of each piece, `base` being the place of the text's first one."""
        for word in self._placed_words(text, base):
            at = 0
            for _, length in self._cut("".join(character for character, _ in word)):
                yield word[at][1][0], word[at + length - 1][1][1]
                at += length

    def _placed_words(self, text: str, base: int) -> Iterator[list[tuple[str, tuple[int, int]]]]:
        """The plain words, each character with the bytes [start, stop) that it comes from."""
        word: list[tuple[str, tuple[int, int]]] = []
        for run, span in _runs(text, base):
            for character in self._spaced(run):
                if character != " ":
                    word.append((character, span))
                elif word:
                    yield word
                    word = []
        if word:
            yield word

    def _spaced(self, run: str) -> str:
        """What a run of characters becomes, with a space wherever a word ends."""
        run = run.translate(self._cleaned)
        if self.plain.strips and not run.isascii():
            run = unicodedata.normalize("NFD", run)
        return run.translate(self._marked)

    def decode(self, ids: Iterable[int]) -> str:
        """Plain words with a space between them, but for marks that a sentence ends with."""
        return "".join(self._said(ids))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """What `decode` gives, as bytes."""
        return self.decode(ids).encode()

    def _said(self, ids: Iterable[int]) -> Iterator[str]:
        for place, number in enumerate(ids):
            if not 0 <= number < self.size:
                raise self._outside(number)
            token = self._tokens[number]
            if place:
                goes_on = token.startswith(CONTINUING)
                token = token.removeprefix(CONTINUING) if goes_on else f" {token}"
            for dirty, tidied in _TIDIED if self.tidy else ():
                token = token.replace(dirty, tidied)
            yield token

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`."""
        digest = hashlib.sha256("\n".join(self._tokens).encode()).hexdigest()
        return {
            "kind": "WordPiece",
            "tokens": digest,
            "specials": dict(self.specials),
            "plain": [self.plain.lower, self.plain.strips, self.plain.han_apart],
            "unknown": self.unknown,
            "longest_word": self.longest_word,
            "tidy": self.tidy,
        }


def _halves(ids: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """The pieces that begin a word, and those that go on with one, without their sign."""
    goes_on = {
        token.removeprefix(CONTINUING): number
        for token, number in ids.items()
        if token.startswith(CONTINUING)
    }
    return ids, goes_on


def _runs(text: str, base: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each character with the marks that are put on it, and its bytes."""
    start, first = 0, base
    for place in range(1, len(text) + 1):
        if place == len(text) or not unicodedata.combining(text[place]):
            run = text[start:place]
            if run:
                stop = first + len(run.encode())
                yield run, (first, stop)
                start, first = place, stop


class _Remembered(dict[int, str]):
    """What a character becomes, worked out when it first comes; for `str.translate`."""

    def __init__(self, plain: Plain) -> None:
        super().__init__()
        self._plain = plain

    def __missing__(self, code: int) -> str:
        self[code] = became = self._became(chr(code))
        return became

    def _became(self, character: str) -> str:
        raise NotImplementedError


class _Cleaned(_Remembered):
    """Control characters go, spaces are one kind, and Chinese characters stand apart."""

    def _became(self, character: str) -> str:
        if character in "\t\n\r":
            return " "
        kind = unicodedata.category(character)
        if character == "\ufffd" or (kind[0] == "C" and kind != "Cn"):
            return ""
        if character.isspace():
            return " "
        if self._plain.han_apart and any(low <= ord(character) <= high for low, high in _HAN):
            return f" {character} "
        return character


class _Marked(_Remembered):
    """Accents go, letters are small, and marks of punctuation stand apart."""

    def _became(self, character: str) -> str:
        kind = unicodedata.category(character)
        if self._plain.strips and kind == "Mn":
            return ""
        if kind[0] == "P" or (character.isascii() and kind[0] == "S"):
            return f" {character} "
        if not self._plain.lower:
            return character
        return "σ" if character == "Σ" else character.lower()
