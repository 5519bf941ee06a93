"""Constraints on a text: a JSON schema, an expression, a grammar, a list of texts.

Each is a frozen description that is checked when it is made, by llguidance in a process of its own
(about a tenth of a second, once for equal ones), so that nothing that strangers ask for can stop
the process that writes. What a schema or an expression demands and llguidance cannot hold to is
refused, never ignored.

Not here: whether the rules of a `Grammar` can end. Where none does, a text is written until the
tokens are used up.
"""

import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from llguidance import regex_to_lark

from practicum.decoding.guidance import GuidedMatcher, complaint, guided
from practicum.decoding.schema_recursion import can_end
from practicum.errors import ConfigError
from practicum.tokenizers.tokenizer import Tokenizer

LONGEST = 100_000  # characters of a constraint
SPACES = r"[ \n\r\t]{1,32}"  # between the signs of JSON; without a bound a model may never go on


class _Guided(ABC):
    """What is described by a Lark grammar in the dialect of llguidance."""

    @property
    @abstractmethod
    def source(self) -> str:
        """The Lark grammar."""

    def matcher(self, tokenizer: Tokenizer, ends: frozenset[int]) -> GuidedMatcher:
        """See `Constraint.matcher`."""
        return guided(self.source, tokenizer, ends)

    def _check(self, what: str, given: str) -> None:
        """Raises ConfigError where llguidance cannot make anything of it."""
        if wrong := complaint(self.source):
            shown = given if len(given) <= 60 else f"{given[:60]} …"
            raise ConfigError(
                f"{' '.join(shown.split())} is no {what} that can be held to: {wrong}"
            )


@dataclass(frozen=True, kw_only=True)
class JsonSchema(_Guided):
    """JSON that a schema (drafts 4 to 2020-12) describes; objects in the schema's order of names.

    At most 32 spaces, tabs or line ends stand between two of its signs.
    """

    schema: str  # JSON

    def __post_init__(self) -> None:
        _bound("the schema", self.schema)
        self._check("schema", self.schema)
        if not can_end(_read_schema(self.schema)):
            raise ConfigError(
                "every text of the schema would hold another of its own without end; make one of "
                "the references in it optional"
            )

    @property
    def source(self) -> str:
        """See `_Guided.source`."""
        return _json_source(_read_schema(self.schema))


@dataclass(frozen=True, kw_only=True)
class JsonObject(_Guided):
    """Any JSON object."""

    @property
    def source(self) -> str:
        """See `_Guided.source`."""
        return _json_source({"type": "object"})


@dataclass(frozen=True, kw_only=True)
class Regex(_Guided):
    """Texts that a regular expression describes from begin to end.

    In the syntax of Rust's `regex`: as Python's, without look-around and back references; `\\d` is
    0 to 9.
    """

    pattern: str

    def __post_init__(self) -> None:
        _bound("the expression", self.pattern)
        self._check("regular expression", self.pattern)

    @property
    def source(self) -> str:
        """See `_Guided.source`."""
        return _expression_source(self.pattern)


@dataclass(frozen=True, kw_only=True)
class Grammar(_Guided):
    """Texts of a context-free grammar in Lark's notation, whose first rule is `start`.

    The dialect is that of llguidance (its docs/syntax.md).
    """

    lark: str

    def __post_init__(self) -> None:
        _bound("the grammar", self.lark)
        self._check("grammar", self.lark)

    @property
    def source(self) -> str:
        """See `_Guided.source`."""
        return self.lark


@dataclass(frozen=True, kw_only=True)
class OneOf(_Guided):
    """One of some texts, such as the labels of a classification."""

    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.texts:
            raise ConfigError("OneOf has no texts to choose from; give at least one")
        _bound("the list of texts", "|".join(self.texts))

    @property
    def source(self) -> str:
        """See `_Guided.source`."""
        return _expression_source("|".join(map(re.escape, self.texts)))


def _bound(what: str, text: str) -> None:
    """Raises ConfigError for what is too long to be compiled in time, or is no UTF-8."""
    if len(text) > LONGEST:
        raise ConfigError(f"{what} has {len(text)} characters; expected at most {LONGEST}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConfigError(f"{what} holds a lone surrogate, which no text can; remove it")


def _json_source(schema: dict[str, Any]) -> str:
    spaced = {**schema, "x-guidance": {"whitespace_pattern": SPACES}}
    return f"start: %json {json.dumps(spaced)}"


def _expression_source(pattern: str) -> str:
    return f"start: /{regex_to_lark(pattern, 'd')}/"


def _read_schema(text: str) -> dict[str, Any]:
    try:
        schema = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as problem:
        raise ConfigError(f"the schema is no JSON: {problem}") from problem
    except RecursionError as problem:
        raise ConfigError("the schema nests too deeply; expected at most 100 levels") from problem
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise ConfigError(
            f"a schema is an object such as {{'type': 'object'}}, given {json.dumps(schema)[:60]}"
        )
    return schema


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
