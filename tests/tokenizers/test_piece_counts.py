"""Counting pieces: the same whatever is cut, forgotten, or done elsewhere."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, WORDS, patient

from practicum.errors import TokenizerError
from practicum.events import listening
from practicum.tokenizers import piece_counts
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.patterns import GPT2, KNOWN, WHOLE, SplitPattern
from practicum.tokenizers.piece_counts import count_pieces

TEXTS = st.lists(st.text("ab 1é\n") | st.sampled_from([TEXT[:400], TEXT[300:900]]), max_size=6)


def expected(texts: list[str], pattern: SplitPattern, rarest: int = 1) -> list[tuple[str, int]]:
    counts = Counter(piece for text in texts for piece in pattern.split(text))
    return [(piece, count) for piece, count in counts.items() if count >= rarest]


@patient
@given(texts=TEXTS, rarest=st.integers(1, 3), remembered=st.sampled_from([0, 3, 20, 10_000]))
def test_counts_and_their_order_are_exact_whatever_is_remembered(
    texts: list[str], rarest: int, remembered: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(piece_counts, "REMEMBERED", remembered)
        patch.setattr(piece_counts, "BLOCK", 100)
        counts = count_pieces(texts, GPT2, rarest=rarest)
    assert list(counts.items()) == expected(texts, GPT2, rarest)


def test_workers_count_the_same_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_counts, "BLOCK", 500)
    monkeypatch.setattr(piece_counts, "REMEMBERED", 50)
    texts = [TEXT, "a b " * 200, TEXT[::-1], ""]
    counts = count_pieces(iter(texts), GPT2, workers=2)
    assert list(counts.items()) == expected(texts, GPT2)


def test_training_by_several_workers_gives_the_same_tokenizer() -> None:
    alone = train_bpe([TEXT, TEXT[::-1]], 340)
    assert train_bpe([TEXT, TEXT[::-1]], 340, workers=3).description() == alone.description()


@pytest.mark.parametrize("pattern", [*KNOWN, WHOLE, WORDS], ids=lambda pattern: pattern.name)
@patient
@given(text=st.lists(st.sampled_from(["ab", " c", "\n", " ", "'s", "1", "é"])).map("".join))
def test_blocks_are_split_as_within_the_text(pattern: SplitPattern, text: str) -> None:
    blocks = list(pattern.blocks(text, 4))
    assert "".join(blocks) == text
    assert [piece for block in blocks for piece in pattern.split(block)] == pattern.split(text)


def test_rare_pieces_can_be_left_out() -> None:
    assert count_pieces(["a b b", " b a"], GPT2, rarest=2) == {" b": 3}


def test_progress_is_told_by_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_counts, "BLOCK", 100)
    heard: list[Any] = []
    with listening(heard.append):
        count_pieces([TEXT], GPT2)
    assert [event.done for event in heard] == sorted({event.done for event in heard})
    assert heard[-1].done == len(TEXT)


@pytest.mark.parametrize("settings", [{"workers": 0}, {"rarest": 0}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(TokenizerError, match="both are at least 1"):
        count_pieces([TEXT], GPT2, **settings)
