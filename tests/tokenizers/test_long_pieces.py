"""Long pieces without a heap: the definition of joining, for any vocabulary, in linear time."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import TEXT, patient

from practicum.tokenizers.bpe import BPE
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.long_pieces import LongPieces
from practicum.tokenizers.patterns import CL100K, GPT2

TOKENS = ["".join(letters) for size in (2, 3, 4) for letters in product("ab", repeat=size)]


def by_definition(text: str, ranks: dict[str, int]) -> list[str]:
    tokens = list(text)
    while pairs := [
        (ranks[left + right], place)
        for place, (left, right) in enumerate(pairwise(tokens))
        if left + right in ranks
    ]:
        _, place = min(pairs)
        tokens[place : place + 2] = [tokens[place] + tokens[place + 1]]
    return tokens


def vocabulary(ranks: dict[str, int]) -> LongPieces:
    return LongPieces({text: text for text in [*ranks, "a", "b"]}, ranks)


@patient
@given(
    # Any order, so that a later joining may make room for an earlier one, and equal ranks.
    ranks=st.dictionaries(st.sampled_from(TOKENS), st.integers(0, 9), max_size=14),
    text=st.text("abc", max_size=60),  # "c" has no code
)
def test_the_cut_is_that_of_joining_by_rank_and_place(ranks: dict[str, int], text: str) -> None:
    assert vocabulary(ranks).cut(text) == by_definition(text, ranks)


class Counting(dict):
    """A dict that knows how often it was asked."""

    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("unit", ["a", "ab", "aab", "abbbbaab"])
def test_the_steps_grow_as_the_text_does(unit: str) -> None:
    ranks = {token: rank for rank, token in enumerate(["ba", "aa", "bab", "aaaa", "abba", "bb"])}
    steps: list[int] = []
    for size in (1000, 10_000, 100_000):
        long = vocabulary(ranks)
        long._begins = Counting(long._begins)
        long._choices = Counting()
        assert "".join(long.cut(unit * (size // len(unit)))) == unit * (size // len(unit))
        steps.append(long._begins.asked + long._choices.asked)
    assert steps[1] < 11 * steps[0]
    assert steps[2] < 10.1 * steps[1]
    assert steps[2] < 8 * 100_000


def test_choices_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("practicum.tokenizers.long_pieces._REMEMBERED", 3)
    ranks = {token: rank for rank, token in enumerate(TOKENS)}
    long = vocabulary(ranks)
    text = "abbabaabbaababba" * 8
    assert long.cut(text) == by_definition(text, ranks)
    assert len(long._choices) <= 3


@pytest.fixture(scope="module")
def tokenizer() -> BPE:
    return train_bpe([TEXT, "aaaa" * 50 + " " + "!" * 200], 380, pattern=CL100K)


@pytest.mark.parametrize("letter", ["a", "!"])
def test_ten_megabytes_of_one_letter_do_not_hang(tokenizer: BPE, letter: str) -> None:
    run = letter * 10_000_000
    ids = tokenizer.encode(run)
    assert len(ids) < len(run) // 8
    assert tokenizer.decode(ids) == run


def test_long_pieces_in_a_text_leave_the_others_alone() -> None:
    trained = train_bpe([TEXT], 340, pattern=GPT2)
    long = "the" * 100
    assert trained.encode(f"the {long} the") == [
        *trained.encode("the"),
        *trained.encode(f" {long}"),
        *trained.encode(" the"),
    ]
