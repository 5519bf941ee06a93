"""The unigram language model's tokenizer (Kudo 2018, §3.2): the likeliest way to cut a text.

    x* = argmax over the cuts x of the text,  Σᵢ log p(xᵢ)                             (eq. 2)

Viterbi's algorithm: the best cut that ends at a place is the best one that ends at an earlier place
and one more piece. A character that no piece holds scores 10 below the worst piece. Not done:
sampling of cuts.

Sums are kept in 32 bits, as in Google's library, and set back to zero where they get large, so that
near ties fall to the same side in long texts; whence words are not cut apart. A user-defined symbol
scores as in its version 0.2.3; before, it was worth a little less than nothing.
"""

import struct
from array import array

from practicum.tokenizers.sentencepiece import SentencePieceTokenizer
from practicum.tokenizers.sentencepiece_model import Kind, SentencePieceModel

_UNKNOWN_PENALTY = 10.0
_LARGEST = 100_000.0  # of a sum; from there sums begin anew, at the place reached
_SYMBOL_BONUS = 0.1  # of a user-defined symbol, for each byte after its first
_single = struct.Struct("f")


class Unigram(SentencePieceTokenizer):
    """Cuts by the log-probabilities of `model`, whose algorithm is "unigram"."""

    def __init__(self, model: SentencePieceModel) -> None:
        super().__init__(model)
        scores = [model.pieces[number].score for number in model.of(Kind.NORMAL)]
        self._unknown_score = _rounded(min(scores, default=0.0) - _UNKNOWN_PENALTY)
        # Every beginning of a piece, so that a search ends where no piece goes on.
        self._begins: dict[str, tuple[int, float] | None] = {}
        for number, piece in enumerate(model.pieces):
            if piece.kind not in (Kind.NORMAL, Kind.USER_DEFINED, Kind.UNUSED):
                continue
            for stop in range(1, len(piece.text)):
                self._begins.setdefault(piece.text[:stop], None)
            if piece.kind is Kind.USER_DEFINED:  # whatever its score
                score = _rounded(_SYMBOL_BONUS * (len(piece.text.encode()) - 1))
            else:
                score = piece.score
            # An unused piece is a beginning of others, and nothing else.
            known = None if piece.kind is Kind.UNUSED else (number, score)
            self._begins[piece.text] = known

    def segment(self, text: str) -> list[tuple[int, int]]:
        """See `SentencePieceTokenizer.segment`."""
        size = len(text)
        best = array("f", [-float("inf")]) * (size + 1)
        best[0] = 0.0
        ids = array("i", [self._unknown]) * (size + 1)  # of the best cut's piece that ends there
        lengths = array("i", [0]) * (size + 1)  # and how many characters it takes
        rounded = array("f", [0.0])  # what is put there is one of 32 bits
        frontier = 0  # the last place that a cut reaches
        begins, nothing, unknown = self._begins, (-1, 0.0), self._unknown_score
        for start in range(size):
            here, stop = best[start], start + 1
            if here < -_LARGEST or here > _LARGEST:
                for place in range(start, frontier + 1):
                    best[place] -= here
                here = 0.0
            alone = False  # whether some piece is just this character
            while (known := begins.get(text[start:stop], nothing)) is not nothing:
                if known is not None:
                    rounded[0] = here + known[1]
                    if rounded[0] > best[stop]:
                        best[stop] = rounded[0]
                        ids[stop], lengths[stop] = known[0], stop - start
                    alone = alone or stop == start + 1
                    frontier = max(frontier, stop)
                stop += 1
                if stop > size:
                    break
            if not alone:
                frontier = max(frontier, start + 1)
                rounded[0] = here + unknown
                if rounded[0] > best[start + 1]:
                    best[start + 1] = rounded[0]
                    ids[start + 1], lengths[start + 1] = self._unknown, 1
        segments: list[tuple[int, int]] = []
        stop = size
        while stop:
            segments.append((ids[stop], lengths[stop]))
            stop -= lengths[stop]
        segments.reverse()
        return segments


def _rounded(value: float) -> float:
    """`value` to 32 bits."""
    return _single.unpack(_single.pack(value))[0]
