"""What a constraint lets through: everything that can become a text of it, and nothing else."""

import gc
import json
import random
import re
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.config import from_json, to_json
from practicum.decoding import guidance
from practicum.decoding.constraint import Constraint
from practicum.decoding.grammar import Grammar, JsonObject, JsonSchema, OneOf, Regex
from practicum.errors import ConfigError, ModelError
from practicum.tokenizers.bpe_training import train_bpe
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.offset_bytes import OffsetBytes
from practicum.tokenizers.sentencepiece_bpe_training import train_sentencepiece_bpe
from practicum.tokenizers.tokenizer import PieceTokenizer, Tokenizer

jsonschema = pytest.importorskip("jsonschema_rs", reason="schemas are judged by another's eyes")

PIECES = (b"a", b"b", b"ab", b"ba", b"aab", b"a", b"", b"1", b"-", b"\xc3", b"\xa9", b"\xc3\xa9")
END = len(PIECES)
WORDS = '{"name": "Ada", "kind": "cat", "age": 12, "tags": ["a", "b"]} true false null '


class Few(PieceTokenizer):
    """A vocabulary small enough to try everything; two ids mean "a", and one nothing."""

    def __init__(self, end: int = END) -> None:
        pieces = [*PIECES, b"<end>", b"<other>"]
        super().__init__(pieces, {"<end>": END, "<other>": END + 1}, end=end, begin=None)

    def _encode_plain(self, text: str) -> list[int]:
        raise NotImplementedError

    def description(self) -> dict[str, Any]:
        return {"kind": "Few"}


FEW = Few()
TOKENIZERS: dict[str, Tokenizer] = {
    "bytes": ByteTokenizer(),
    "offset bytes": OffsetBytes(),
    "byte pairs": train_bpe([WORDS * 3], vocab=290, specials=("<|end|>", "<|im_start|>")),
    "sentencepiece": train_sentencepiece_bpe([WORDS], 310),
}


def allowed(constraint: Constraint, ids: list[int], tokenizer: Tokenizer = FEW) -> set[int]:
    assert tokenizer.end is not None
    matcher = constraint.matcher(tokenizer, frozenset({tokenizer.end}))
    for id in ids:
        matcher.take(id)
    mask = matcher.mask()
    assert mask.shape == (tokenizer.size,)
    return set(mask.nonzero()[:, 0].tolist())


def walked(constraint: Constraint, tokenizer: Tokenizer, seed: int) -> str:
    """A text whose every token is drawn from all that may come."""
    assert tokenizer.end is not None
    draw = random.Random(seed)
    matcher = constraint.matcher(tokenizer, frozenset({tokenizer.end}))
    ids: list[int] = []
    while tokenizer.end not in ids:
        assert len(ids) < 5000
        ids.append(draw.choice(matcher.mask().nonzero()[:, 0].tolist()))
        matcher.take(ids[-1])
    assert matcher.finished
    return b"".join(map(tokenizer.piece, ids[:-1])).decode()


# --- masks against trying everything


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text("ab1é-", max_size=4), min_size=1, max_size=4).map(tuple))
def test_of_some_texts_exactly_their_beginnings_may_come(texts: tuple[str, ...]):
    choice, wanted = OneOf(texts=texts), [text.encode() for text in texts]

    def explore(ids: list[int]) -> None:
        written = b"".join(map(FEW.piece, ids))
        expected = {
            id
            for id, piece in enumerate(PIECES)
            if piece and any(text.startswith(written + piece) for text in wanted)
        }
        if written in wanted:
            expected.add(END)
        assert allowed(choice, ids) == expected, (texts, written)
        for id in expected - {END, 0}:  # of the two ids of "a", one is followed
            explore([*ids, id])

    explore([])


@cache
def completable(pattern: str, written: bytes, depth: int = 3) -> bool:
    """Whether some pieces, `depth` at most, make what is written a match."""
    try:
        if re.fullmatch(pattern, written.decode()):
            return True
    except UnicodeDecodeError:
        pass
    return depth > 0 and any(
        completable(pattern, written + piece, depth - 1) for piece in set(PIECES) if piece
    )


@pytest.mark.parametrize("pattern", ["(ab|ba)*1", "a+b?|-?1{2}", "[^a-]b?", "(aa)+", "é(a|é)?-*"])
def test_a_token_may_come_exactly_if_a_match_can_follow(pattern: str):
    expression, ids, draw = Regex(pattern=pattern), [], random.Random(1)
    for _ in range(6):
        written = b"".join(map(FEW.piece, ids))
        expected = {id for id, p in enumerate(PIECES) if p and completable(pattern, written + p)}
        ends = completable(pattern, written, 0)
        assert allowed(expression, ids) == expected | ({END} if ends else set()), written
        if not expected:
            break
        ids.append(draw.choice(sorted(expected)))


def test_a_grammar_may_count():
    brackets = Grammar(lark='start: "a" start "b" | "1"')
    assert allowed(brackets, [0, 0]) == {0, 5, 7}  # both a, and 1
    assert allowed(brackets, [0, 0, 7, 1, 1]) == {END}


# --- texts


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())
@pytest.mark.parametrize("pattern", ["[a-f]{2,5}(, [0-9]{3})?", "(é|日本){1,3}\\n", "\\d{1,3}/\\w"])
def test_every_text_matches_its_expression(tokenizer: Tokenizer, pattern: str):
    for seed in range(4):
        assert re.fullmatch(pattern, walked(Regex(pattern=pattern), tokenizer, seed))


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())
def test_every_text_is_one_of_those_to_choose_from(tokenizer: Tokenizer):
    texts = ("yes", "no", "not sure", "a.b|c", 'quoted "é/\n', "<|im_start|>", " ", "\\d")
    said = {walked(OneOf(texts=texts), tokenizer, seed) for seed in range(60)}
    assert said == set(texts)


SCHEMAS: dict[str, dict[str, Any]] = {
    "nested objects": {
        "type": "object",
        "properties": {
            "who": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 8}},
                "required": ["name"],
                "additionalProperties": False,
            },
            "sure": {"type": "boolean"},
        },
        "required": ["who"],
        "additionalProperties": False,
    },
    "arrays": {
        "type": "array",
        "items": {"type": "array", "items": {"type": "integer", "minimum": -5, "maximum": 5}},
        "minItems": 1,
        "maxItems": 3,
    },
    "enumerations": {"enum": ["red", "green\n", 3, None, {"a": [1, 2]}]},
    "bounded integers": {"type": "integer", "minimum": -3, "exclusiveMaximum": 1200},
    "patterns": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,3}$"},
    "unions": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]},
    "numbers": {"type": "number", "minimum": 0, "maximum": 1},
    "definitions": {
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "leaf": {"type": "integer", "minimum": 0, "maximum": 99},
                    "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                },
                "required": ["leaf", "next"],
                "additionalProperties": False,
            }
        },
        "$ref": "#/$defs/tree",
    },
}


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_every_text_parses_and_validates(tokenizer: Tokenizer, schema: dict[str, Any]):
    constraint = JsonSchema(schema=json.dumps(schema))
    for seed in range(3):
        text = walked(constraint, tokenizer, seed)
        jsonschema.validate(schema, json.loads(text))


def test_any_object_is_an_object():
    tokenizer = TOKENIZERS["byte pairs"]
    for text in ("{}", '{"a": [1, {"b": null}], "": -1.5e3}', '{ "é": "\\u0001\\n" }'):
        ids = tokenizer.encode(text)
        assert allowed(JsonObject(), ids, tokenizer) == {tokenizer.end}
    with pytest.raises(ModelError):
        allowed(JsonObject(), tokenizer.encode("[1]"), tokenizer)


def test_spaces_between_signs_have_a_bound():
    tokenizer = TOKENIZERS["bytes"]
    assert ord(" ") in allowed(JsonObject(), [ord("{")] + [32] * 31, tokenizer)
    assert ord(" ") not in allowed(JsonObject(), [ord("{")] + [32] * 32, tokenizer)


# --- the ends


def test_the_text_of_a_special_token_is_written_by_plain_pieces_alone():
    tokenizer = TOKENIZERS["byte pairs"]
    literal = OneOf(texts=("<|im_start|>",))
    assert not allowed(literal, [], tokenizer) & set(tokenizer.specials.values())
    everything = allowed(Regex(pattern="(?s:.*)"), [], tokenizer)
    assert everything & set(tokenizer.specials.values()) == {tokenizer.end}


def test_a_piece_that_ends_texts_is_no_part_of_one():
    matcher = Regex(pattern="a1?b?").matcher(FEW, frozenset({1, END}))  # b ends a text
    assert matcher.mask().nonzero()[:, 0].tolist() == [0, 2, 5]
    matcher.take(0)
    assert matcher.mask().nonzero()[:, 0].tolist() == [1, 7, END]
    matcher.take(1)
    assert matcher.finished


def test_where_nothing_but_the_end_may_come_the_text_is_finished():
    matcher = OneOf(texts=("a", "ab")).matcher(FEW, frozenset({END, 10_000}))
    assert not matcher.finished
    matcher.take(0)
    assert not matcher.finished
    matcher.take(1)
    assert matcher.finished
    matcher.take(END)
    assert matcher.finished
    assert matcher.mask().nonzero()[:, 0].tolist() == [END]


@pytest.mark.parametrize("ids", [[1], [0, END], [0, 1, 0], [0, 1, END, 0], [-1], [99], [6]])
def test_what_may_not_come_is_refused(ids: list[int]):
    with pytest.raises(ModelError, match="may not") as refusal:
        allowed(OneOf(texts=("ab", "abb")), ids)
    assert "\n" not in str(refusal.value)


def test_a_tokenizer_that_lacks_the_bytes_is_told_so():
    with pytest.raises(ConfigError, match="after 0 tokens no token of the tokenizer goes on"):
        allowed(OneOf(texts=("z",)), [])
    with pytest.raises(ConfigError, match="after 1 tokens no token"):
        allowed(OneOf(texts=("az",)), [0])


def test_what_becomes_too_much_is_refused_where_it_does():
    schema = {"type": "object", "properties": {f"p{i}": {} for i in range(700)}}
    with pytest.raises(ConfigError, match="after . tokens the constraint cannot be followed") as no:
        allowed(JsonSchema(schema=json.dumps(schema)), [ord("{")], TOKENIZERS["bytes"])
    assert "\n" not in str(no.value)


# --- descriptions


HOSTILE: dict[str, tuple[Callable[[], Constraint], str]] = {
    "no JSON": (lambda: JsonSchema(schema="{"), "the schema is no JSON: Expecting"),
    "no number": (lambda: JsonSchema(schema='{"const": NaN}'), "NaN is no number of JSON"),
    "no schema": (lambda: JsonSchema(schema="[1]"), r"a schema is an object .* given \[1\]"),
    "nothing": (lambda: JsonSchema(schema="false"), "given false"),
    "deep": (
        lambda: JsonSchema(schema='{"items":' * 5000 + "{}" + "}" * 5000),
        "nests too deeply",
    ),
    "deeper than llguidance reads": (
        lambda: JsonSchema(schema='{"items":' * 200 + "{}" + "}" * 200),
        "recursion limit exceeded",
    ),
    "a long chain": (lambda: JsonSchema(schema=json.dumps(chain(700))), "refers or nests too deep"),
    "huge": (
        lambda: JsonSchema(schema=json.dumps({"enum": list(range(100_000))})),
        "characters; expected at most 100000",
    ),
    "a hole": (lambda: JsonSchema(schema='{"$ref": "#/nope"}'), "'/nope' does not exist"),
    "elsewhere": (lambda: JsonSchema(schema='{"$ref": "http://a/b"}'), "does not fetch"),
    "itself": (lambda: JsonSchema(schema='{"$ref": "#"}'), "no text fits it"),
    "no end": (
        lambda: JsonSchema(
            schema='{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}'
        ),
        "another of its own without end",
    ),
    "impossible": (
        lambda: JsonSchema(schema='{"type": "integer", "minimum": 3, "maximum": 2}'),
        r"minimum \(3\) is greater than maximum \(2\)",
    ),
    "not built": (lambda: JsonSchema(schema='{"uniqueItems": true}'), "uniqueItems"),
    "pattern": (lambda: JsonSchema(schema='{"type": "string", "pattern": "("}'), "unclosed group"),
    "expression": (lambda: Regex(pattern="a(b"), "unclosed group"),
    "look-ahead": (lambda: Regex(pattern="(?=a)b"), "look-around"),
    "surrogate": (lambda: Regex(pattern="\ud800"), "lone surrogate"),
    "rule": (lambda: Grammar(lark="start: foo"), 'unknown name: "foo"'),
    "circle": (lambda: Grammar(lark="start: start"), "no text fits it"),
    "no rules": (lambda: Grammar(lark=""), "no start rule"),
    "no texts": (lambda: OneOf(texts=()), "at least one"),
}


def chain(length: int) -> dict[str, Any]:
    """Definitions of which each needs the next."""
    links = {
        f"d{i}": {"type": "object", "properties": {"a": {"$ref": f"#/$defs/d{i + 1}"}}}
        for i in range(length)
    }
    return {"$defs": {**links, f"d{length}": {}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize(("make", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_cannot_be_held_to_is_refused_in_one_line(
    make: Callable[[], Constraint], message: str
):
    with pytest.raises(ConfigError, match=message) as refusal:
        make()
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_what_takes_too_long_to_compile_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guidance, "SECONDS", 1.0)
    with pytest.raises(ConfigError, match="compiling it takes more than 1 seconds"):
        Regex(pattern="a?" * 40_000)


def test_descriptions_survive_json():
    for constraint in (JsonSchema(schema="true"), Regex(pattern="a"), OneOf(texts=("a", "b"))):
        assert from_json(type(constraint), to_json(constraint)) == constraint


def test_a_grammar_is_compiled_once_for_a_tokenizer_which_is_not_kept_alive():
    tokenizer = ByteTokenizer()
    matchers = [JsonObject().matcher(tokenizer, frozenset({256})) for _ in range(3)]
    matchers[0].take(ord("{"))
    assert not matchers[1].mask()[ord("}")]  # texts do not know each other
    assert len(guidance._guides[tokenizer].compiled) == 1
    alive = weakref.ref(tokenizer)
    del tokenizer, matchers
    gc.collect()
    assert alive() is None
