"""SentencePiece files: what is read of them, and what is refused by its name."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from sentencepiece_kinds import KINDS, ours, theirs, trained
from tokenizer_kinds import TEXT, patient

from practicum.errors import TokenizerError
from practicum.tokenizers.protobuf import field
from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_file import (
    load_sentencepiece,
    save_sentencepiece,
    tokenizer_of,
)
from practicum.tokenizers.sentencepiece_model import (
    Kind,
    Piece,
    SentencePieceModel,
    read_sentencepiece,
)
from practicum.tokenizers.unigram import Unigram

UNKNOWN = Piece(text="<unk>", kind=Kind.UNKNOWN)


@pytest.mark.parametrize(("algorithm", "setting"), KINDS)
def test_pieces_scores_and_kinds_are_read(algorithm: str, setting: str) -> None:
    model, theirs_ = read_sentencepiece(trained(algorithm, setting)), theirs(algorithm, setting)
    assert model.algorithm == algorithm
    assert len(model.pieces) == theirs_.get_piece_size()
    for number, piece in enumerate(model.pieces):
        assert piece.text == theirs_.id_to_piece(number)
        assert piece.score == theirs_.get_score(number)
        assert (piece.kind is Kind.UNKNOWN) == theirs_.is_unknown(number)
        assert (piece.kind is Kind.CONTROL) == theirs_.is_control(number)
        assert (piece.kind is Kind.BYTE) == theirs_.is_byte(number)


def test_a_file_is_loaded_by_its_algorithm(tmp_path: Path) -> None:
    for algorithm, kind in {"bpe": SentencePieceBPE, "unigram": Unigram}.items():
        (tmp_path / "tokenizer.model").write_bytes(trained(algorithm, "defaults"))
        assert isinstance(load_sentencepiece(tmp_path / "tokenizer.model"), kind)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"cannot read .*none\.model"):
        load_sentencepiece(tmp_path / "none.model")
    (tmp_path / "half.model").write_bytes(trained("bpe", "bytes")[:-100])
    with pytest.raises(TokenizerError, match=r"half\.model: the message lacks"):
        load_sentencepiece(tmp_path / "half.model")


@pytest.mark.parametrize(("algorithm", "setting"), KINDS)
def test_a_written_model_is_read_back_and_by_google(
    algorithm: str, setting: str, tmp_path: Path
) -> None:
    mine = ours(algorithm, setting)
    assert isinstance(mine, SentencePieceBPE | Unigram)
    save_sentencepiece(mine, tmp_path / "tokenizer.model")
    assert load_sentencepiece(tmp_path / "tokenizer.model").model == mine.model
    google = SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    assert google.encode(TEXT) == mine.encode(TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.model"]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    mine = tokenizer_of(read_sentencepiece(trained("bpe", "bytes")))
    with pytest.raises(TokenizerError, match=r"cannot write .*tokenizer\.model"):
        save_sentencepiece(mine, tmp_path / "none" / "tokenizer.model")


def piece(text: str, score: float = 0.0, kind: int = 1) -> bytes:
    return field(1, field(1, text.encode()) + field(2, score) + field(3, kind))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no pieces"),
        (piece("a"), "0 pieces are the unknown"),
        (piece("u", kind=2) + piece("v", kind=2), "2 pieces are the unknown"),
        (piece("u", kind=2) + piece("a") + piece("a"), "'a' is empty or twice"),
        (piece("u", kind=2) + piece(""), "'' is empty or twice"),
        (piece("u", kind=2) + piece("a", float("nan")), "'a' scores nan"),
        (piece("u", kind=2) + piece("a", -float("inf")), "'a' scores -inf"),
        (piece("u", kind=2) + piece("a", kind=9), "'a' has no score or is of no kind"),
        (piece("u", kind=2) + piece("<0x00>", kind=6), "a piece for 0 of the 256 bytes"),
        (piece("u", kind=2) + field(2, field(35, 1)), "a piece for 0 of the 256 bytes"),
        (piece("u", kind=2) + field(2, field(3, 3)), "one of whole words"),
        (piece("u", kind=2) + field(2, field(3, 4)), "one of single characters"),
        (piece("u", kind=2) + field(2, field(24, 1)), "white space behind words"),
        (piece("u", kind=2) + field(3, field(5, 0)), "does not write spaces as ▁"),
        (piece("u", kind=2) + field(5, field(2, b"abc")), "denormalises"),
        (piece("u", kind=2) + field(2, field(3, b"x")), "text stands where a number"),
        (field(1, 3), "a number stands where text"),
        (field(1, field(1, b"\xff")), "not UTF-8"),
    ],
)
def test_what_is_not_done_is_refused_by_its_name(data: bytes, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        read_sentencepiece(data)


def test_an_algorithm_that_is_none_is_refused() -> None:
    with pytest.raises(TokenizerError, match="the algorithm is 'words'"):
        SentencePieceModel(pieces=(UNKNOWN,), algorithm="words")


@patient
@given(data=st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(TokenizerError):
        read_sentencepiece(data)
