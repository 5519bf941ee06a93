"""Byte-pair encoding of characters by pairs, as `tokenizers` does it for Llama and Gemma.

Text is prepared as by SentencePiece, ▁ for a space. Then, as in `bpe`, the pair of neighbours of
lowest rank, leftmost first, becomes one token, and only the pairs of `merges` do. SentencePiece
itself (`sentencepiece_bpe`) joins whatever makes a piece; where its models were converted, all such
pairs are merges, and the two agree but for pieces that score alike.
"""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.long_pieces import LongPieces
from practicum.tokenizers.sentencepiece import SentencePieceTokenizer
from practicum.tokenizers.sentencepiece_model import Kind, SentencePieceModel
from practicum.tokenizers.sentencepiece_words import Words


class MetaspaceBPE(SentencePieceTokenizer):
    """Cuts by `merges`, pairs of the texts of pieces; the scores of `model` say nothing.

    Control pieces, the unknown one and bytes are never joined nor made. Raises TokenizerError where
    a merge names or makes another piece that the model lacks.
    """

    def __init__(self, model: SentencePieceModel, merges: Sequence[tuple[str, str]]) -> None:
        super().__init__(model)
        self.merges = tuple(merges)
        self._id = {model.pieces[number].text: number for number in model.of(Kind.NORMAL)}
        codes = {text: chr(number) for text, number in self._id.items()}
        reserved = {piece.text for piece in model.pieces} - set(codes)
        ranks: dict[str, float] = {}
        for rank, (left, right) in enumerate(self.merges):
            lacking = {left, right, left + right}.difference(codes)
            if lacking - reserved:
                raise TokenizerError(
                    f"merge {rank} joins {left!r} and {right!r}, but the vocabulary has no token "
                    f"{min(lacking - reserved)!r}"
                )
            if not lacking:
                ranks[codes[left] + codes[right]] = rank
        self._pieces_of = LongPieces(codes, ranks)
        self._words = Words(codes, self._cut)

    def segment(self, text: str) -> list[tuple[int, int]]:
        """See `SentencePieceTokenizer.segment`."""
        return self._words.segment(text)

    def _cut(self, word: str) -> list[tuple[int, int]]:
        segments: list[tuple[int, int]] = []
        for known, characters in groupby(word, self._id.__contains__):
            run = "".join(characters)
            if known:
                ids = map(ord, self._pieces_of.cut(run))
                segments += [(number, len(self.model.pieces[number].text)) for number in ids]
            else:
                segments += [(self._unknown, 1)] * len(run)
        return segments

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`: merges stand in it by their SHA-256."""
        digest = hashlib.sha256(repr(self.merges).encode()).hexdigest()
        return {**super().description(), "merges": digest}

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model, "merges": self.merges}
