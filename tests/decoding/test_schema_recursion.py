from typing import Any

import pytest

from practicum.decoding.schema_recursion import can_end

AGAIN: dict[str, Any] = {"$ref": "#"}


def needing(part: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}, "required": ["a"], **more}


ENDLESS: dict[str, dict[str, Any]] = {
    "itself": AGAIN,
    "an object in itself": needing(AGAIN),
    "deeper": needing(needing({"type": "array", "minItems": 1, "items": AGAIN})),
    "two that need each other": {
        "$defs": {"x": needing({"$ref": "#/$defs/y"}), "y": needing({"$ref": "#/$defs/x"})},
        "$ref": "#/$defs/x",
    },
    "either of two": needing({"anyOf": [AGAIN, needing(AGAIN)]}),
    "all of two": needing({"allOf": [{"type": "object"}, AGAIN]}),
    "a place with odd names": {
        "$defs": {"a/b ~": needing({"$ref": "#/$defs/a~1b%20~0"})},
        "allOf": [{"$ref": "#/$defs/a~1b%20~0"}],
    },
    "a first item": {"type": "array", "minItems": 2, "prefixItems": [{}, AGAIN]},
    "any other name": {"type": "object", "required": ["z"], "additionalProperties": AGAIN},
    "a place in a list": {"anyOf": [needing({"$ref": "#/anyOf/0"}), needing(AGAIN)]},
}
ENDING: dict[str, dict[str, Any]] = {
    "nothing is demanded": {},
    "it may be left out": {"type": "object", "properties": {"a": AGAIN}},
    "it may be null": needing({"anyOf": [AGAIN, {"type": "null"}]}),
    "the list may be empty": needing({"type": "array", "items": AGAIN}),
    "another type": {**needing(AGAIN), "type": ["object", "null"]},
    "no type": {"properties": {"a": AGAIN}, "required": ["a"]},
    "a constant": {**needing(AGAIN), "const": {"a": 1}},
    "a chain": {
        "$defs": {
            "x": needing({"$ref": "#/$defs/y"}),
            "y": needing({"$ref": "#/$defs/z"}),
            "z": {},
        },
        "$ref": "#/$defs/x",
    },
    "elsewhere": needing({"$ref": "http://example.org/schema"}),
    "nowhere": needing({"$ref": "#/nothing/0"}),
    "few items": {"type": "array", "minItems": 1, "prefixItems": [{}, AGAIN]},
}


@pytest.mark.parametrize("schema", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_demands_another_of_itself_cannot_end(schema: dict[str, Any]):
    assert not can_end(schema)


@pytest.mark.parametrize("schema", ENDING.values(), ids=ENDING.keys())
def test_what_can_be_fulfilled_can_end(schema: dict[str, Any]):
    assert can_end(schema)
