"""Costs of scripts add up to the tokens, and are what they are by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.errors import TokenizerError
from practicum.evaluation.token_costs import (
    Cost,
    bytes_per_token,
    script_costs,
    script_of,
    total_cost,
)
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

TOKENIZER = train_bpe(["the cat sat on the mat " * 3, "元始に神天地を 元始に"], 280)
BYTES = ByteTokenizer()


CHARACTERS = {
    "Latin": "aé",
    "Greek": "λ",
    "Cyrillic": "ж",
    "Han": "漢",
    "Kana": "かー",
    "Hangul": "한",
    "Hebrew": "ש",
    "Arabic": "ب",
    "Devanagari": "न",
    "digits": "7３½",
    "white space": " \n\u3000",
    "signs": ".😉、\0\ue000",
}


@pytest.mark.parametrize(("script", "characters"), CHARACTERS.items())
def test_a_character_has_a_script(script: str, characters: str):
    assert {script_of(character) for character in characters} == {script}


def test_bytes_cost_a_token_each():
    text = "Ab, Привет 12\n"
    costs = script_costs(BYTES, [text, text])
    assert costs["Latin"] == Cost(bytes=4, characters=4, words=2, tokens=4)
    assert costs["Cyrillic"] == Cost(bytes=24, characters=12, words=2, tokens=24)
    assert costs["digits"] == Cost(bytes=4, characters=4, words=2, tokens=4)
    assert costs["white space"] == Cost(bytes=6, characters=6, words=0, tokens=6)
    assert list(costs) == ["signs", "Latin", "Cyrillic", "digits", "white space"]
    assert costs["Cyrillic"].tokens_per_word == 12
    assert costs["signs"].tokens_per_word is None
    assert costs["Cyrillic"].bytes_per_token == 1


def test_a_token_of_two_scripts_is_shared():
    trained = train_bpe(["x y x y x y"], 257, specials=())
    assert [trained.piece(n) for n in trained.encode(" y")] == [b" y"]
    costs = script_costs(trained, [" y"])
    assert costs["Latin"].tokens == costs["white space"].tokens == 0.5


def test_accents_belong_to_the_letter_before_them():
    costs = script_costs(BYTES, ["\u0301e\u0301, बि"])  # the first stands alone
    assert costs["Latin"] == Cost(bytes=3, characters=2, words=1, tokens=3)
    assert costs["signs"] == Cost(bytes=3, characters=2, words=0, tokens=3)
    assert costs["Devanagari"].words == 1


@settings(deadline=None)  # on a busy machine the first example may take long
@given(st.lists(st.text(), max_size=4))
def test_scripts_add_up_to_the_whole(texts: list[str]):
    whole = total_cost(TOKENIZER, texts)
    costs = script_costs(TOKENIZER, texts)
    assert sum(cost.bytes for cost in costs.values()) == whole.bytes
    assert sum(cost.characters for cost in costs.values()) == whole.characters
    assert sum(cost.tokens for cost in costs.values()) == pytest.approx(whole.tokens)


def test_nothing_costs_nothing():
    assert bytes_per_token(TOKENIZER, []) == bytes_per_token(TOKENIZER, [""]) == 0
    assert total_cost(TOKENIZER, [""]).tokens_per_word is None
    assert script_costs(TOKENIZER, ["", ""]) == {}


def test_the_whole_is_counted_by_words_between_white_space():
    assert total_cost(BYTES, ["the cat\nsat"]) == Cost(bytes=11, characters=11, words=3, tokens=11)
    assert bytes_per_token(BYTES, ["日本"]) == 1


def test_half_a_surrogate_is_refused():
    for measure in (script_costs, total_cost):
        with pytest.raises(TokenizerError, match="lone surrogate U\\+D800"):
            measure(TOKENIZER, ["a\ud800"])
