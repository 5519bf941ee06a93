"""Joining by scores: ties, dead ends, and words that are cut apart."""

from dataclasses import replace

import pytest
from sentencepiece import SentencePieceProcessor
from sentencepiece_kinds import trained
from tokenizer_kinds import TEXT

from practicum.tokenizers.sentencepiece_bpe import SentencePieceBPE
from practicum.tokenizers.sentencepiece_model import (
    Kind,
    Piece,
    SentencePieceModel,
    read_sentencepiece,
    write_sentencepiece,
)


def tokenizer(scores: dict[str, float], *others: Piece) -> SentencePieceBPE:
    pieces = [Piece(text=text, score=score) for text, score in scores.items()]
    unknown = Piece(text="<unk>", kind=Kind.UNKNOWN)
    return SentencePieceBPE(
        SentencePieceModel(
            pieces=(*pieces, *others, unknown),
            algorithm="bpe",
            dummy_prefix=False,
            remove_extra_spaces=False,
        )
    )


def cut(tokenizer: SentencePieceBPE, text: str) -> list[str]:
    return [tokenizer.piece(id).decode() for id in tokenizer.encode(text)]


LETTERS = {"a": -9.0, "b": -9.0, "c": -9.0}


def test_the_highest_score_comes_first_and_of_equal_ones_the_leftmost() -> None:
    assert cut(tokenizer({**LETTERS, "ab": -2.0, "bc": -1.0}), "abc") == ["a", "bc"]
    assert cut(tokenizer({**LETTERS, "ab": -1.0, "bc": -1.0}), "abc") == ["ab", "c"]
    assert cut(tokenizer({**LETTERS, "aa": -1.0}), "aaa") == ["aa", "a"]


def test_a_piece_may_be_made_in_several_ways() -> None:
    ours = tokenizer({**LETTERS, "ab": -2.0, "bc": -1.0, "abc": -3.0})
    assert cut(ours, "abc") == ["abc"]
    assert cut(ours, "ababc") == ["ab", "abc"]


def test_a_run_of_the_unknown_is_one_id() -> None:
    ours = tokenizer(LETTERS)
    assert cut(ours, "a東京b東") == ["a", " ⁇ ", "b", " ⁇ "]
    assert ours.encode_with_offsets("a東京b")[1] == [(0, 1), (1, 7), (7, 8)]


def test_symbols_of_the_user_are_never_joined() -> None:
    symbol = Piece(text="b", kind=Kind.USER_DEFINED)
    ours = tokenizer({"a": -9.0, "c": -9.0, "ab": -1.0, "bc": -1.0, "aa": -1.0}, symbol)
    assert cut(ours, "aabcaa") == ["aa", "b", "c", "aa"]


def test_pieces_across_words_keep_words_together() -> None:
    ours = tokenizer({**LETTERS, "▁": -9.0, "a▁": -1.0, "a▁b": -2.0})
    assert cut(ours, "ca bc") == ["c", "a b", "c"]


def test_unused_pieces_are_taken_apart_into_what_they_were_joined_of() -> None:
    unused = [Piece(text=text, score=-0.5, kind=Kind.UNUSED) for text in ("abc", "abca")]
    ours = tokenizer({**LETTERS, "ab": -0.1}, *unused)
    assert cut(ours, "abcab") == ["ab", "c", "ab"]
    assert cut(ours, "abcac") == ["ab", "c", "a", "c"]
    assert cut(ours, "abc" * 40) == ["ab", "c"] * 40


@pytest.mark.parametrize("setting", ["lossless", "defaults"])
def test_models_with_unused_pieces_cut_as_googles_library_does(setting: str) -> None:
    model = read_sentencepiece(trained("bpe", setting))
    pieces = [
        replace(piece, kind=Kind.UNUSED)
        if piece.kind is Kind.NORMAL and len(piece.text) > 1 and place % 3 == 0
        else piece
        for place, piece in enumerate(model.pieces)
    ]
    model = replace(model, pieces=tuple(pieces))
    google = SentencePieceProcessor(model_proto=write_sentencepiece(model))
    for text in (TEXT, *TEXT.split("\n"), "the weather, the feather"):
        assert SentencePieceBPE(model).encode(text) == google.encode(text)
