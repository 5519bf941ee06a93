"""The definition of byte-pair encoding, by hand and against the trainer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.evaluation.merges import first_merges, merges_by_definition
from practicum.tokenizers.bpe_merging import MINBPE, TOKENIZERS, Convention
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.patterns import GPT2, WHOLE, SplitPattern


def test_the_example_of_the_encyclopedia():
    merges = merges_by_definition(["aaabdaaabac"], 3, GPT2)
    assert merges == [(b"a", b"a"), (b"a", b"b"), (b"aa", b"ab")]


def test_of_three_alike_only_the_first_two_are_merged():
    assert merges_by_definition(["aaaaa aaa"], 1, GPT2) == [(b"a", b"a")]
    merges = merges_by_definition(["aaaaa"], 9, GPT2)  # aa aa a, then aa aaa
    assert merges == [(b"a", b"a"), (b"aa", b"a"), (b"aa", b"aaa")]


def test_merges_do_not_cross_pieces_or_texts():
    assert merges_by_definition(["ab", "a b"], 9, GPT2) == [(b"a", b"b"), (b" ", b"b")]
    assert merges_by_definition([], 3, GPT2) == []


@settings(deadline=None)  # on a busy machine the first example may take long
@given(
    texts=st.lists(st.text("ab c", max_size=60), max_size=3),
    pattern=st.sampled_from([GPT2, WHOLE]),
    convention=st.sampled_from([TOKENIZERS, MINBPE]),
)
def test_the_trainer_learns_them(texts: list[str], pattern: SplitPattern, convention: Convention):
    merges = merges_by_definition(texts, 40, pattern, convention)
    trained = train_bpe(
        texts, 256 + len(merges), pattern=pattern, specials=(), convention=convention
    )
    assert list(trained.merges) == merges


def test_conventions_differ_where_pairs_are_as_frequent():
    older, met = (merges_by_definition(["ba ab"], 1, GPT2, c) for c in (TOKENIZERS, MINBPE))
    assert older == [(b"a", b"b")]
    assert met == [(b"b", b"a")]


@pytest.mark.parametrize("count", [0, 3, 12])
def test_a_tokenizer_on_the_way_is_what_training_less_gives(count: int):
    texts = ["the cat sat on the mat with the hat", "that cat"]
    whole = train_bpe(texts, 272)
    early = train_bpe(texts, 256 + count, specials=())
    assert first_merges(whole, count).description() == early.description()
