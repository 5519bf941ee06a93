"""What a SentencePiece file holds (Kudo & Richardson 2018; fields: `sentencepiece_model.proto`).

Read is what changes ids or text: the pieces with scores and types, the algorithm, the way text is
normalised, byte fallback. Refused by name is what is not done here: models of whole words or single
characters, white space as a suffix or unescaped, a denormaliser.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from practicum.errors import TokenizerError
from practicum.tokenizers.protobuf import field, fields

_ALGORITHMS = {1: "unigram", 2: "bpe", 3: "whole words", 4: "single characters"}
_LARGEST_SCORE = 1e20  # sums of scores stay numbers of 32 bits


class Kind(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2  # stands for every character that no piece holds
    CONTROL = 3  # <s>, </s>: never found in a text
    USER_DEFINED = 4  # found before others, and never joined with anything
    UNUSED = 5  # never produced
    BYTE = 6  # <0x00> to <0xFF>: one byte of a character that no piece holds


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One id: its text, in which ▁ is a space, and its log-probability or order of merging."""

    text: str
    score: float = 0.0  # of 32 bits
    kind: Kind = Kind.NORMAL


@dataclass(frozen=True, kw_only=True)
class SentencePieceModel:
    """A SentencePiece file, read. Defaults are the format's.

    The last three fields are not in such a file; a `tokenizer.json` can say what they say.

    Raises TokenizerError where pieces are empty or twice there, or the unknown one or, with
    `byte_fallback`, a byte is missing.
    """

    pieces: tuple[Piece, ...]
    algorithm: str = "unigram"  # or "bpe"
    byte_fallback: bool = False
    unknown: str = " \u2047 "  # what the unknown piece is decoded to
    begin: str = "<s>"
    end: str = "</s>"
    charsmap: bytes = b""  # precompiled rules of normalisation; empty: identity
    dummy_prefix: bool = True  # a text begins with a space, whether it has one or not
    remove_extra_spaces: bool = True  # at both ends and, but for one, between words
    prefix_parts: bool = False  # a part of a text after a special token begins with a space, too
    any_space: bool = False  # white space of every kind is a space
    closed: bool = False  # `end` stands after a text that a model reads; `encode` does not add it

    def __post_init__(self) -> None:
        if self.algorithm not in ("unigram", "bpe"):
            raise TokenizerError(f"the algorithm is '{self.algorithm}'; expected unigram or bpe")
        if len(self.of(Kind.UNKNOWN)) != 1:
            raise TokenizerError(f"{len(self.of(Kind.UNKNOWN))} pieces are the unknown; one is")
        seen: set[tuple[str, bool]] = set()
        for piece in self.pieces:
            reserved = piece.kind in (Kind.UNKNOWN, Kind.CONTROL, Kind.BYTE)
            if not piece.text or (piece.text, reserved) in seen:
                raise TokenizerError(f"the piece {piece.text!r} is empty or twice there")
            seen.add((piece.text, reserved))
            if not abs(piece.score) < _LARGEST_SCORE:
                raise TokenizerError(f"the piece {piece.text!r} scores {piece.score}")
        found = {self.pieces[number].text for number in self.of(Kind.BYTE)}
        expected = {byte_text(byte) for byte in range(256)} if self.byte_fallback else set()
        if found != expected:
            raise TokenizerError(
                f"there is a piece for {len(found & expected)} of the 256 bytes; with byte "
                "fallback there is one for each, and without none"
            )

    def of(self, kind: Kind) -> list[int]:
        """The ids of this kind."""
        return [number for number, piece in enumerate(self.pieces) if piece.kind is kind]


def byte_text(byte: int) -> str:
    """How the piece of a byte is written: <0x0A>."""
    return f"<0x{byte:02X}>"


def read_sentencepiece(data: bytes) -> SentencePieceModel:
    """The model in the bytes of a `.model` file. Raises TokenizerError where they are not one."""
    parts: dict[int, list[bytes]] = {}
    for number, value in fields(data):
        parts.setdefault(number, []).append(_bytes(value))
    if 1 not in parts:
        raise TokenizerError("the file holds no pieces; it is not a SentencePiece model")
    trainer, normalizer = _last(parts.get(2, [])), _last(parts.get(3, []))
    if _last(parts.get(5, [])).get(2):
        raise TokenizerError("the model denormalises decoded text, which is not done here")
    if trainer.get(24):
        raise TokenizerError("the model puts white space behind words, which is not done here")
    if not normalizer.get(5, 1):
        raise TokenizerError("the model does not write spaces as ▁, which is not done here")
    number = _int(trainer.get(3, 1))
    algorithm = _ALGORITHMS.get(number, f"number {number}")
    if number not in (1, 2):
        raise TokenizerError(f"the model is one of {algorithm}; unigram and bpe are read")
    return SentencePieceModel(
        pieces=tuple(_piece(piece) for piece in parts[1]),
        algorithm=algorithm,
        byte_fallback=bool(trainer.get(35, 0)),
        unknown=_text(trainer, 44, " \u2047 "),
        begin=_text(trainer, 46, "<s>"),
        end=_text(trainer, 47, "</s>"),
        charsmap=_bytes(normalizer.get(2, b"")),
        dummy_prefix=bool(normalizer.get(3, 1)),
        remove_extra_spaces=bool(normalizer.get(4, 1)),
    )


def write_sentencepiece(model: SentencePieceModel) -> bytes:
    """The bytes of a `.model` file, which Google's library reads as well.

    Raises TokenizerError for a model that cuts as no such file can say.
    """
    if model.prefix_parts or model.any_space:
        raise TokenizerError(
            "the tokenizer treats spaces as no .model file says; write a tokenizer.json"
        )
    number = {algorithm: number for number, algorithm in _ALGORITHMS.items()}[model.algorithm]
    trainer = (
        field(3, number)
        + field(4, len(model.pieces))
        + field(35, int(model.byte_fallback))
        + field(44, model.unknown.encode())
        + field(45, model.pieces[model.of(Kind.UNKNOWN)[0]].text.encode())
        + field(46, model.begin.encode())
        + field(47, model.end.encode())
    )
    normalizer = (
        field(1, b"from rules" if model.charsmap else b"identity")
        + field(2, model.charsmap)
        + field(3, int(model.dummy_prefix))
        + field(4, int(model.remove_extra_spaces))
    )
    pieces = [
        field(1, field(1, piece.text.encode()) + field(2, piece.score) + field(3, int(piece.kind)))
        for piece in model.pieces
    ]
    return b"".join([*pieces, field(2, trainer), field(3, normalizer)])


def _piece(message: bytes) -> Piece:
    values = dict(fields(message))
    score, kind = _bytes(values.get(2, bytes(4))), _int(values.get(3, 1))
    if len(score) != 4 or kind not in list(Kind):
        raise TokenizerError(f"the piece {_text(values, 1, '')!r} has no score or is of no kind")
    return Piece(text=_text(values, 1, ""), score=struct.unpack("<f", score)[0], kind=Kind(kind))


def _last(messages: Sequence[bytes]) -> dict[int, int | bytes]:
    """The fields of one message that may come in parts: of each field the last."""
    return dict(fields(b"".join(messages)))


def _text(values: Mapping[int, int | bytes], number: int, default: str) -> str:
    try:
        return _bytes(values.get(number, default.encode())).decode()
    except UnicodeDecodeError as problem:
        raise TokenizerError(f"field {number} is not UTF-8: {problem}") from problem


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TokenizerError("a number stands where text was expected: not a SentencePiece file")
    return value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise TokenizerError("text stands where a number was expected: not a SentencePiece file")
    return value
