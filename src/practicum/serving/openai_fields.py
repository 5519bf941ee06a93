"""What fields of a request hold: types that refuse what they cannot mean, and say why in words.

Of many faults in one field few are looked at, so that a large request is not slow to refuse.
"""

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

HALF = "a text holds half of a surrogate pair, which stands for no character"
MOST_PAIRS = 16  # of metadata, as OpenAI has it
MOST_FIELDS = 64  # more than any shape here has
MOST_BIASES = 1024  # tokens that one request makes likelier or less likely
TOKEN = r"^(0|[1-9][0-9]{0,9})$"
T = TypeVar("T")


def _empty(value: Any) -> Any:
    if value or (value == "" and isinstance(value, str)):
        raise ValueError("this is not supported here; leave it out")
    return value


def plain_json(value: Any) -> Any:
    """`value`. Raises ValueError where JSON in UTF-8 cannot hold it."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("this is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError(HALF) from None
    return value


def _whole_characters(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(HALF) from None
    return text


def _few_pairs(pairs: Any) -> Any:
    if isinstance(pairs, dict) and len(pairs) > MOST_PAIRS:
        raise ValueError(f"{len(pairs)} names are given; there may be {MOST_PAIRS}")
    return pairs


def _biases(given: Any) -> Any:
    """Raises ValueError for the first entry that is none."""
    if not isinstance(given, dict):
        return given
    if len(given) > MOST_BIASES:
        raise ValueError(f"{len(given)} tokens are given; there may be {MOST_BIASES}")
    for token, more in given.items():
        if not (isinstance(token, str) and re.fullmatch(TOKEN, token)):
            raise ValueError(f"'{str(token)[:40]}' is no token's id, such as \"50256\"")
        number = isinstance(more, int | float) and not isinstance(more, bool)
        if not (number and -100 <= more <= 100):
            raise ValueError(f"{str(more)[:40]} for token {token}; expected -100 to 100")
    return given


Unsupported = Annotated[Any, AfterValidator(_empty), WithJsonSchema({"type": "null"})]
"""A field of OpenAI's that is accepted where it means nothing: null, 0, false or empty."""
Json = Annotated[dict[str, Any], AfterValidator(plain_json)]
Words = Annotated[str, AfterValidator(_whole_characters)]
Text = Annotated[Words, Field(min_length=1)]
Id = Annotated[int, Field(ge=0, lt=2**31)]
Several = Annotated[list[T], Field(fail_fast=True)]  # of many wrong items one is said
Ids = Annotated[Several[Id], Field(min_length=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Biases = Annotated[
    dict[Annotated[str, Field(pattern=TOKEN)], Annotated[float, Field(ge=-100, le=100)]],
    BeforeValidator(_biases),
    Field(max_length=MOST_BIASES),
]
"""Tokens' ids, and what is added to their logits."""
Pairs = Annotated[dict[str, str], BeforeValidator(_few_pairs)]
"""Metadata."""


class Shape(BaseModel):
    """Nothing but the fields, in their types: "5" is no number, and neither is NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _names_the_first_unknown(cls, data: Any) -> Any:
        """Of a million unknown fields one is said, and no other looked at."""
        if isinstance(data, dict) and len(data) > MOST_FIELDS:
            known = {field.alias or name for name, field in cls.model_fields.items()}
            name = next(name for name in data if name not in known)
            raise ValueError(f"unknown field '{name[:200]}', and {len(data)} fields in all")
        return data
