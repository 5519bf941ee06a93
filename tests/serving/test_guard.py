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
    assert asked.forced(4) == ()
    asked.take(ord("x"))
    assert asked.forced(1) == ids(":")
    assert asked.forced(4) == ids(": ")
    for id in ids(": n"):
        asked.take(id)
    assert asked.forced(5) == ids("o the")
    asked.take(ord("o"))
    assert asked.forced(30) == ids(" then done")
    for id in ids(" then done"):
        asked.take(id)
    assert asked.forced(3) == ()
    asked.take(END)
    assert asked.forced(3) == ()


def test_names_of_json_are_forced_once_they_begin():
    schema = {
        "type": "object",
        "properties": {"population": {"type": "integer"}, "capital": {"type": "string"}},
        "required": ["population", "capital"],
        "additionalProperties": False,
    }
    tokenizer = train_bpe(['{"population": 12, "capital": "Rome"} ' * 3], vocab=280)
    asked = guard(JsonSchema(schema=json.dumps(schema)), tokenizer, frozenset({tokenizer.size}))
    assert tokenizer.decode(asked.forced(4)) == "{"
    for id in tokenizer.encode('{"pop'):
        asked.take(id)
    assert tokenizer.decode(asked.forced(20)) == 'ulation"'


def test_a_tokenizer_without_the_forced_bytes_drafts_nothing():
    tokenizer = train_bpe(["ab" * 9], vocab=258)
    assert guard(OneOf(texts=("é",)), tokenizer, frozenset({999})).forced(1) != ()
    asked = guard(OneOf(texts=("é",)))
    asked.take("é".encode()[0])
    assert asked.forced(2) == ()  # half a character is not looked at


def test_an_error_ahead_is_none_of_the_text():
    schema = {"type": "object", "properties": {f"p{i}": {} for i in range(700)}}
    asked = guard(JsonSchema(schema=json.dumps(schema)))
    before = may_come(asked.mask())
    with pytest.raises(ConfigError, match="cannot be followed"):
        asked.mask(ids("{"))
    assert asked.fitting(ids("{")) in ((), ids("{"))
    assert may_come(asked.mask()) == before == {ord("{")}
