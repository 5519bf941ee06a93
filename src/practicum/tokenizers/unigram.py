"""The unigram language model's tokenizer (Kudo 2018, §3.2): the likeliest way to cut a text.

    x* = argmax over the cuts x of the text,  Σᵢ log p(xᵢ)                             (eq. 2)

Viterbi's algorithm: the best cut that ends at a place is the best one that ends at an earlier place
and one more piece. A character that no piece holds scores 10 below the worst piece. Not done:
sampling of cuts.

Sums are kept in 32 bits, as in Google's library, so that near ties fall to the same side in long
texts; whence the whole text is one sum, and words are not cut apart.
"""

import struct

from practicum.tokenizers.sentencepiece import SentencePieceTokenizer
from practicum.tokenizers.sentencepiece_model import Kind, SentencePieceModel

_UNKNOWN_PENALTY = 10.0
_SMALLEST = 2.0**-126  # where the library's search for the highest score begins (`FLT_MIN`)
_single = struct.Struct("f")


class Unigram(SentencePieceTokenizer):
    """Cuts by the log-probabilities of `model`, whose algorithm is "unigram"."""

    def __init__(self, model: SentencePieceModel) -> None:
        super().__init__(model)
        scores = [model.pieces[number].score for number in model.of(Kind.NORMAL)]
        self._unknown_score = _rounded(min(scores, default=0.0) - _UNKNOWN_PENALTY)
        highest = max([_SMALLEST, *scores])
        # Every beginning of a piece, so that a search ends where no piece goes on.
        self._begins: dict[str, tuple[int, float] | None] = {}
        for number, piece in enumerate(model.pieces):
            if piece.kind not in (Kind.NORMAL, Kind.USER_DEFINED, Kind.UNUSED):
                continue
            for stop in range(1, len(piece.text)):
                self._begins.setdefault(piece.text[:stop], None)
            if piece.kind is Kind.USER_DEFINED:  # next to nothing, whatever its score
                score = len(piece.text.encode()) * highest - 0.1
            else:
                score = piece.score
            # An unused piece is a beginning of others, and nothing else.
            known = None if piece.kind is Kind.UNUSED else (number, score)
            self._begins[piece.text] = known

    def segment(self, text: str) -> list[tuple[int, int]]:
        """See `SentencePieceTokenizer.segment`."""
        best = [0.0] + [-float("inf")] * len(text)
        last = [(self._unknown, 0)] * (len(text) + 1)  # the id that ends there, and its length
        begins, nothing = self._begins, (-1, 0.0)
        for start in range(len(text)):
            here = best[start]
            alone = False  # whether some piece is just this character
            for stop in range(start + 1, len(text) + 1):
                known = begins.get(text[start:stop], nothing)
                if known is nothing:
                    break
                if known is None:
                    continue
                number, score = known
                score = _rounded(here + score)
                if score > best[stop]:
                    best[stop] = score
                    last[stop] = number, stop - start
                alone = alone or stop == start + 1
            score = _rounded(here + self._unknown_score)
            if not alone and score > best[start + 1]:
                best[start + 1] = score
                last[start + 1] = self._unknown, 1
        segments: list[tuple[int, int]] = []
        stop = len(text)
        while stop:
            segments.append(last[stop])
            stop -= last[stop][1]
        return segments[::-1]


def _rounded(value: float) -> float:
    """`value` to 32 bits."""
    return _single.unpack(_single.pack(value))[0]
