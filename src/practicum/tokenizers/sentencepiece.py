"""What SentencePiece's two algorithms share: text is prepared, cut, and brought back.

Ids are those of Google's library. A text comes back whole only if the model leaves it whole:
identity as normalisation, no removal of spaces, byte fallback. Even then a ▁ comes back as the
space that it stands for. Streamed text begins with the space of the dummy prefix, which `decode`
takes away.

Control pieces are the special tokens; SentencePiece itself never finds them in a text, so that the
parts around them are ours to define: only the first part that is text gets the dummy prefix, unless
the model says otherwise.
"""

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel
from practicum.tokenizers.sentencepiece_normalizer import SPACE, Normalizer
from practicum.tokenizers.tokenizer import PieceTokenizer, Specials


class SentencePieceTokenizer(PieceTokenizer):
    """Everything but the cutting of prepared text. `begin` and `end` are the model's <s> and </s>.

    The unknown piece stands for a run of characters that no piece holds; it has no bytes of its
    own and decodes to the model's sign for it.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        self.model = model
        specials = {model.pieces[number].text: number for number in model.of(Kind.CONTROL)}
        super().__init__(
            [_bytes_of(piece, model) for piece in model.pieces],
            specials,
            end=specials.get(model.end),
            begin=specials.get(model.begin),
        )
        self._unknown = model.of(Kind.UNKNOWN)[0]
        self._byte = {
            self._pieces[number][0]: number
            for number in (model.of(Kind.BYTE) if model.byte_fallback else ())
        }
        self._starts_text = {*self._byte.values(), self._unknown}
        self._normalizer = Normalizer(
            model.charsmap,
            kept=[model.pieces[number].text for number in model.of(Kind.USER_DEFINED)],
            dummy_prefix=model.dummy_prefix,
            remove_extra_spaces=model.remove_extra_spaces,
            any_space=model.any_space,
        )

    @abstractmethod
    def segment(self, text: str) -> list[tuple[int, int]]:
        """The ids of prepared text, and how many characters each takes; the unknown id included."""

    def _encode_plain(self, text: str, *, first: bool = True) -> list[int]:
        text.encode()  # a lone surrogate is an error here
        prepared = self._normalizer.normalize(text, first=first)
        ids: list[int] = []
        at, after_unknown = 0, False
        for number, length in self.segment(prepared):
            if number != self._unknown:
                ids.append(number)
            elif self._byte:
                ids += [self._byte[byte] for byte in prepared[at : at + length].encode()]
            elif not after_unknown:
                ids.append(number)
            after_unknown = number == self._unknown
            at += length
        return ids

    def _encode_parts(self, parts: list[str]) -> list[int]:
        ids: list[int] = []
        for part, number, first in self._marked(parts):
            ids += self._encode_plain(part, first=first) if number is None else [number]
        return ids

    def encode_with_offsets(
        self, text: str, *, specials: Specials = False
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """See `Tokenizer.encode_with_offsets`.

        The offsets have no gaps, but for spaces that the model removes at the ends of a part. The
        dummy prefix and what a rule writes more of have empty ones.
        """
        ids = self.encode(text, specials=specials)
        offsets: list[tuple[int, int]] = []
        start = 0
        for part, number, first in self._marked(self._parts(text, specials)):
            stop = start + len(part.encode())
            if number is None:
                offsets += self._offsets(part, start, first=first)
            else:
                offsets.append((start, stop))
            start = stop
        return ids, offsets

    def _offsets(self, text: str, base: int, *, first: bool) -> Iterator[tuple[int, int]]:
        prepared, starts = self._normalizer.aligned(text, first=first)
        begin = at = 0
        segments = self.segment(prepared)
        for place, (number, length) in enumerate(segments):
            start, stop = base + starts[at], base + starts[at + length]
            at += length
            if number != self._unknown:
                yield start, stop
            elif self._byte:
                last = len(prepared[at - length : at].encode()) - 1
                for byte in range(last):
                    yield min(start + byte, stop), min(start + byte + 1, stop)
                yield min(start + last, stop), stop
            else:  # one id for a run of the unknown
                if not (place and segments[place - 1][0] == number):
                    begin = start
                if not (place + 1 < len(segments) and segments[place + 1][0] == number):
                    yield begin, stop

    def _marked(self, parts: list[str]) -> Iterator[tuple[str, int | None, bool]]:
        """The parts, the ids of special ones, and whether a plain one begins with a space."""
        first = True
        for place, part in enumerate(parts):
            if place % 2:
                yield part, self.specials[part], False
            elif part:
                yield part, None, first
                first = self.model.prefix_parts

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """See `Tokenizer.decode_bytes`: without the space of the dummy prefix of the whole text."""
        ids = list(ids)
        whole = super().decode_bytes(ids)
        if not (self.model.dummy_prefix or self.model.remove_extra_spaces):
            return whole
        specials = set(self.specials.values())
        for place, number in enumerate(ids):
            if number in specials and self.model.prefix_parts:
                return whole  # what comes is another part
            if number in specials:
                continue
            spaces = self._spaces(ids[place:])
            before = sum(len(self._pieces[one]) for one in ids[:place])
            return whole[:before] + whole[before + spaces :]
        return whole

    def _spaces(self, ids: list[int]) -> int:
        """How many spaces go at the begin of `ids`: one, or one a piece while there is no text."""
        spaces = 0
        for number in ids:
            piece = self._pieces[number]
            if number in self._starts_text or not piece.startswith(b" "):
                break
            spaces += 1
            if not self.model.remove_extra_spaces or len(piece) > 1:
                break
        return spaces

    def description(self) -> dict[str, Any]:
        """See `Tokenizer.description`: pieces and rules stand in it by their SHA-256."""
        pieces = repr([(piece.text, piece.score, int(piece.kind)) for piece in self.model.pieces])
        besides = {
            "prefix_parts": self.model.prefix_parts,
            "any_space": self.model.any_space,
            "closed": self.model.closed,
        }
        return {
            "kind": type(self).__name__,
            "size": self.size,
            "pieces": hashlib.sha256(pieces.encode()).hexdigest(),
            "charsmap": hashlib.sha256(self.model.charsmap).hexdigest(),
            "byte_fallback": self.model.byte_fallback,
            "unknown": self.model.unknown,
            "dummy_prefix": self.model.dummy_prefix,
            "remove_extra_spaces": self.model.remove_extra_spaces,
            "end": self.end,
            "begin": self.begin,
            **{name: value for name, value in besides.items() if value},
        }

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)


def _bytes_of(piece: Piece, model: SentencePieceModel) -> bytes:
    match piece.kind:
        case Kind.BYTE:
            return bytes([int(piece.text[3:5], 16)])
        case Kind.UNKNOWN:
            return model.unknown.encode()
        case Kind.CONTROL:
            return piece.text.encode()
        case _:
            return piece.text.replace(SPACE, " ").encode()
