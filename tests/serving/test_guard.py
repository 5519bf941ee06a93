"""A constraint that is asked ahead of what was said."""

import json

import pytest

from practicum.decoding.grammar import JsonSchema, OneOf, Regex
from practicum.errors import ConfigError, ModelError
from practicum.serving.guard import Guard
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer

BYTES, END = ByteTokenizer(), 256


def guard(constraint, tokenizer=BYTES, ends=frozenset({END})):
    return Guard(constraint.matcher(tokenizer, ends), tokenizer)


def ids(text):
    return tuple(text.encode())


def may_come(mask):
    return set(mask.nonzero()[:, 0].tolist())


def test_masks_ahead_are_those_that_come_and_change_nothing():
    pattern = Regex(pattern="a(b|cd)*e")
    ahead, text = guard(pattern), ids("abcde")
    found = [ahead.mask(text[:n]) for n in (5, 2, 0, 3, 4, 1)]
    told = guard(pattern)
    for n in range(6):
        wanted = told.mask()
        assert (found[(5, 2, 0, 3, 4, 1).index(n)] == wanted).all(), n
        if n < 5:
            told.take(text[n])
            ahead.take(text[n])
            assert (ahead.mask() == told.mask()).all()


def test_a_draft_fits_up_to_the_first_token_that_may_not_come():
    asked = guard(OneOf(texts=("abc", "abd")))
    assert asked.fitting(ids("abx")) == ids("ab")
    assert asked.fitting(ids("x")) == ()
    assert asked.fitting((*ids("abd"), END, *ids("a"))) == (*ids("abd"), END)
    assert asked.fitting(()) == ()
    assert may_come(asked.mask()) == {ord("a")}
    with pytest.raises(ModelError, match="may not come"):
        asked.mask(ids("b"))


def test_what_is_forced_is_drafted_up_to_the_end():
    asked = guard(Regex(pattern="[xy]: (yes|no) then done"))
    assert asked.likely(4) == ()
    asked.take(ord("x"))
    assert asked.likely(1) == ids(":")
    assert asked.likely(4) == ids(": ")
    for id in ids(": n"):
        asked.take(id)
    assert asked.likely(5) == ids("o the")
    asked.take(ord("o"))
    assert asked.likely(30) == ids(" then done")
    for id in ids(" then done"):
        asked.take(id)
    assert asked.likely(3) == ()
    asked.take(END)
    assert asked.likely(3) == ()


def test_of_json_all_but_the_values_is_drafted_with_the_spaces_that_stood_there_before():
    schema = {
        "type": "object",
        "properties": {"population": {"type": "integer"}, "big": {"type": "boolean"}},
        "required": ["population", "big"],
        "additionalProperties": False,
    }
    tokenizer = train_bpe(['{"population": 12, "capital": "Rome"} ' * 3], vocab=280)
    asked = guard(
        JsonSchema(schema=json.dumps({"type": "array", "items": schema})),
        tokenizer,
        frozenset({tokenizer.size}),
    )

    def after(text):
        for id in tokenizer.encode(text):
            asked.take(id)
        return tokenizer.decode(asked.likely(40))

    assert after("[{") == '"population":'
    assert after('"population": 12') == ""
    assert after(",") == '"big":'  # after a comma no space has been seen
    assert after(' "big": t') == "rue}"
    assert after("rue}") == ""
    assert after(", {") == '"population":'  # a number has many beginnings
    assert after('"population": 7,') == ' "big":'
    assert after(" ") == '"big":'
    assert after("  ") == '"big":'


def test_a_tokenizer_without_the_forced_bytes_drafts_nothing():
    tokenizer = train_bpe(["ab" * 9], vocab=258)
    assert guard(OneOf(texts=("é",)), tokenizer, frozenset({999})).likely(1) != ()
    asked = guard(OneOf(texts=("é",)))
    asked.take("é".encode()[0])
    assert asked.likely(2) == ()  # half a character is not looked at


def test_an_error_ahead_is_none_of_the_text():
    schema = {"type": "object", "properties": {f"p{i}": {} for i in range(700)}}
    asked = guard(JsonSchema(schema=json.dumps(schema)))
    before = may_come(asked.mask())
    with pytest.raises(ConfigError, match="cannot be followed"):
        asked.mask(ids("{"))
    assert asked.fitting(ids("{")) in ((), ids("{"))
    assert may_come(asked.mask()) == before == {ord("{")}
