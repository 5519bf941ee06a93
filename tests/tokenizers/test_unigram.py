"""The likeliest cut: against all cuts, with unused pieces, and at near ties."""

from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import patient

from practicum.tokenizers.sentencepiece_model import Kind, Piece, SentencePieceModel
from practicum.tokenizers.unigram import Unigram


def tokenizer(scores: dict[str, float], *others: Piece) -> Unigram:
    pieces = [Piece(text=text, score=score) for text, score in scores.items()]
    unknown = Piece(text="<unk>", kind=Kind.UNKNOWN)
    return Unigram(
        SentencePieceModel(
            pieces=(*pieces, *others, unknown), dummy_prefix=False, remove_extra_spaces=False
        )
    )


def cut(tokenizer: Unigram, text: str) -> list[str]:
    return [tokenizer.piece(id).decode() for id in tokenizer.encode(text)]


# Eighths, so that sums are exact and a tie is one.
SCORES = {"a": -2.0, "b": -3.125, "ab": -3.5, "ba": -4.25, "aab": -4.75, "bab": -6.0}


def best(text: str) -> float:
    """The score of the best cut, by trying all."""
    if not text:
        return 0.0
    return max(
        score + best(text[len(piece) :])
        for piece, score in SCORES.items()
        if text.startswith(piece)
    )


@patient
@given(text=st.text("ab", max_size=10))
def test_no_cut_is_likelier(text: str) -> None:
    pieces = cut(tokenizer(SCORES), text)
    assert "".join(pieces) == text
    assert sum(SCORES[piece] for piece in pieces) == best(text)


def test_a_tie_goes_to_the_piece_that_starts_first() -> None:
    assert cut(tokenizer({"a": -1.0, "aa": -3.0}), "aaa") == ["a", "a", "a"]
    assert cut(tokenizer({"a": -1.0, "aa": -2.0}), "aaa") == ["a", "aa"]


def test_an_unknown_character_is_worse_than_any_piece() -> None:
    ours = tokenizer({"a": -1.0, "東京": -20.0})
    assert cut(ours, "a東京a") == ["a", "東京", "a"]
    assert cut(ours, "a東a京都") == ["a", " ⁇ ", "a", " ⁇ "]


def test_unused_pieces_are_never_produced() -> None:
    unused = Piece(text="ab", score=-0.5, kind=Kind.UNUSED)
    ours = tokenizer({"a": -1.0, "b": -1.0, "abb": -4.0}, unused)
    assert cut(ours, "ab") == ["a", "b"]
    assert cut(ours, "abb") == ["a", "b", "b"]


def test_symbols_of_the_user_cost_next_to_nothing() -> None:
    symbol = Piece(text="ba", score=-50.0, kind=Kind.USER_DEFINED)
    assert cut(tokenizer({"a": -1.0, "b": -1.0, "ab": -1.5}, symbol), "abab") == ["a", "ba", "b"]
