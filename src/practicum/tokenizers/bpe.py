"""Byte-level byte-pair encoding (Sennrich et al. 2016, §3.2; on bytes: Radford et al. 2019, §2.2).

A piece of text starts as its bytes; as long as two neighbours are a known pair, the pair of lowest
rank, leftmost first, becomes one token. While pieces are joined a token is the character `chr(id)`,
so that a pair is a string of two: cheap to make, to hash and to compare.

The encodings of short pieces are kept in a bounded dict. Its operations are atomic and a piece's
encoding never changes, so threads may share a tokenizer.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

from practicum.errors import TokenizerError
from practicum.tokenizers.long_pieces import LongPieces
from practicum.tokenizers.patterns import SplitPattern
from practicum.tokenizers.tokenizer import PieceTokenizer

REMEMBERED = 1 << 17  # pieces whose encoding is kept: a few tens of MB at most
_ESCAPED = re.compile("([\udc80-\udcff]+)")  # bytes that are not UTF-8, as Python marks them
_BLOCK = 1 << 16  # characters that are split at a time, which bounds memory and fits a cache
LONG = 64  # bytes; longer pieces are rare, not kept, and cut by `LongPieces`


class BPE(PieceTokenizer):
    """Encodes by `merges`, pairs of pieces in the order of their rank.

    `pieces` are the tokens' bytes by id. With `whole_first` a piece of text that is itself a token
    is that token, whatever the merges make of it (Llama 3).

    Raises TokenizerError where a merge names or makes a piece that the vocabulary lacks.
    """

    def __init__(
        self,
        pieces: Sequence[bytes],
        merges: Sequence[tuple[bytes, bytes]],
        *,
        pattern: SplitPattern,
        specials: Mapping[str, int],
        end: int | None = None,
        begin: int | None = None,
        whole_first: bool = False,
    ) -> None:
        super().__init__(pieces, specials, end=end, begin=begin)
        self.merges = tuple(merges)
        self.pattern = pattern
        self.whole_first = whole_first
        reserved = set(specials.values())
        token = self._token = {
            piece: chr(number)
            for number, piece in enumerate(pieces)
            if piece and number not in reserved
        }
        self._byte = {piece[0]: one for piece, one in token.items() if len(piece) == 1}
        self._rank: dict[str, int] = {}
        self._joined: list[str] = []  # by rank: the token that a pair becomes
        for rank, (left, right) in enumerate(self.merges):
            try:
                self._rank[token[left] + token[right]] = rank
                self._joined.append(token[left + right])
            except KeyError as problem:
                raise TokenizerError(
                    f"merge {rank} joins {left!r} and {right!r}, but the vocabulary has no token "
                    f"{problem.args[0]!r}"
                ) from None
        self._encodings = _Encodings(self)

    def _encode_plain(self, text: str) -> list[int]:
        blocks = map(self.pattern.split, self.pattern.blocks(text, _BLOCK))
        pieces = chain.from_iterable(blocks)
        return list(chain.from_iterable(map(self._encodings.__getitem__, pieces)))

    def encode_bytes(self, data: bytes) -> list[int]:
        """The ids of any bytes; `decode_bytes` brings them back.

        Bytes that are UTF-8 are encoded as their text is, and a run of others as one piece.
        """
        ids: list[int] = []
        parts = _ESCAPED.split(data.decode("utf-8", errors="surrogateescape"))
        for place, part in enumerate(parts):
            if place % 2:
                ids += self._encode_data(part.encode("utf-8", errors="surrogateescape"))
            elif part:
                ids += self._encode_plain(part)
        return ids

    def encode_piece(self, piece: str) -> list[int]:
        """The ids of one piece, computed anew: merges apply across all of it."""
        return self._encode_data(piece.encode())

    def _encode_data(self, data: bytes) -> list[int]:
        if self.whole_first and data in self._token:
            return [ord(self._token[data])]
        try:
            tokens = [self._byte[byte] for byte in data]
        except KeyError as problem:
            shown = data.decode("utf-8", errors="replace")[:40]
            raise TokenizerError(
                f"the vocabulary has no token for byte 0x{problem.args[0]:02X} of {shown!r}"
            ) from None
        if len(tokens) <= LONG:
            return self._join_short(tokens)
        return list(map(ord, self._long.cut(data.decode("latin-1"))))

    def _join_short(self, tokens: list[str]) -> list[int]:
        """All merges, one at a time: quadratic in the length, and fast where it is small."""
        rank_of, joined = self._rank.get, self._joined
        never = len(joined)
        ranks = [rank_of(a + b, never) for a, b in pairwise(tokens)]
        while ranks and (lowest := min(ranks)) < never:
            at = ranks.index(lowest)
            token = joined[lowest]
            tokens[at : at + 2] = [token]
            del ranks[at]
            if at:
                ranks[at - 1] = rank_of(tokens[at - 1] + token, never)
            if at < len(ranks):
                ranks[at] = rank_of(token + tokens[at + 1], never)
        return list(map(ord, tokens))

    @cached_property
    def _long(self) -> LongPieces:
        codes = {piece.decode("latin-1"): one for piece, one in self._token.items()}
        return LongPieces(codes, self._rank)

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`: vocabulary and merges stand in it by their SHA-256."""
        digest = hashlib.sha256()
        for piece in chain(self._pieces, [b""], chain.from_iterable(self.merges)):
            digest.update(len(piece).to_bytes(4, "big") + piece)
        return {
            "kind": "BPE",
            "size": self.size,
            "merges": len(self.merges),
            "vocabulary": digest.hexdigest(),
            "pattern": self.pattern.unicode,
            "specials": dict(self.specials),
            "end": self.end,
            "begin": self.begin,
            "whole_first": self.whole_first,
        }

    def changed(self, **parts: Any) -> "BPE":
        """The same tokenizer but for the arguments that are given anew."""
        return BPE(**(self.__getstate__() | parts))

    def __getstate__(self) -> dict[str, Any]:
        return {
            "pieces": self._pieces,
            "merges": self.merges,
            "pattern": self.pattern,
            "specials": self.specials,
            "end": self.end,
            "begin": self.begin,
            "whole_first": self.whole_first,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


class _Encodings(dict[str, list[int]]):
    """Piece → ids, computed when first asked for; emptied when full, so that memory is bounded."""

    def __init__(self, tokenizer: BPE) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, piece: str) -> list[int]:
        ids = self._tokenizer.encode_piece(piece)
        if len(piece) <= LONG:
            if len(self) >= REMEMBERED:
                self.clear()
            self[piece] = ids
        return ids
