"""SentencePiece's byte-pair encoding (Kudo & Richardson 2018), which joins characters.

As long as two neighbours together are a piece, those whose piece scores highest are joined, the
leftmost of them first. Whether they are the two from which training made the piece does not matter,
unlike in `bpe`. A piece marked as unused is taken apart again, into the two that it was joined of.
"""

from functools import cached_property
from itertools import pairwise

from practicum.tokenizers.long_pieces import LongPieces
from practicum.tokenizers.sentencepiece import SentencePieceTokenizer
from practicum.tokenizers.sentencepiece_model import Kind, SentencePieceModel
from practicum.tokenizers.sentencepiece_words import LONG, Words
from practicum.tokenizers.tokenizer import one_of


class SentencePieceBPE(SentencePieceTokenizer):
    """Cuts by the scores of `model`, whose algorithm is "bpe"."""

    def __init__(self, model: SentencePieceModel) -> None:
        super().__init__(model)
        self._unused = {model.pieces[number].text for number in model.of(Kind.UNUSED)}
        kinds = (Kind.NORMAL, Kind.USER_DEFINED, Kind.UNUSED)
        joinable = [number for kind in kinds for number in model.of(kind)]
        self._id = {model.pieces[number].text: number for number in joinable}
        scores = sorted({model.pieces[number].score for number in joinable}, reverse=True)
        place = {score: rank for rank, score in enumerate(scores)}
        self._rank = {text: place[model.pieces[n].score] for text, n in self._id.items()}
        frozen = [model.pieces[number].text for number in model.of(Kind.USER_DEFINED)]
        self._frozen = one_of(frozen) if frozen else None
        self._words = Words(self._id, self._cut)

    def segment(self, text: str) -> list[tuple[int, int]]:
        """See `SentencePieceTokenizer.segment`."""
        return self._words.segment(text)

    def _cut(self, word: str) -> list[tuple[int, int]]:
        segments: list[tuple[int, int]] = []
        for place, part in enumerate(self._frozen.split(word) if self._frozen else [word]):
            if place % 2:
                segments.append((self._id[part], len(part)))
            else:
                segments += [(self._id.get(t, self._unknown), len(t)) for t in self._join(part)]
        return segments

    def _join(self, text: str) -> list[str]:
        tokens = self._long.cut(text) if len(text) > LONG else self._join_short(text)
        if self._unused.isdisjoint(tokens):
            return tokens
        return [used for token in tokens for used in self._taken_apart(token)]

    def _join_short(self, text: str, *, until: int = 1) -> list[str]:
        """All joins, one at a time: quadratic in the length, and fast where it is small."""
        rank_of, tokens, never = self._rank.get, list(text), len(self._rank)
        ranks = [rank_of(left + right, never) for left, right in pairwise(tokens)]
        while len(tokens) > until and (lowest := min(ranks)) < never:
            at = ranks.index(lowest)
            joined = tokens[at] + tokens[at + 1]
            tokens[at : at + 2] = [joined]
            del ranks[at]
            if at:
                ranks[at - 1] = rank_of(tokens[at - 1] + joined, never)
            if at < len(ranks):
                ranks[at] = rank_of(joined + tokens[at + 1], never)
        return tokens

    def _taken_apart(self, token: str) -> list[str]:
        """The used pieces of which `token` was joined; it was joined as it is alone."""
        if token not in self._unused or len(token) == 1:
            return [token]
        return [
            used for half in self._join_short(token, until=2) for used in self._taken_apart(half)
        ]

    @cached_property
    def _long(self) -> LongPieces:
        return LongPieces({text: text for text in self._rank}, self._rank)
