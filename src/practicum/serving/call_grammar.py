"""`tool_choice`, `strict` and `parallel_tool_calls` as a grammar that an answer is kept to.

A call is written as `serving.tool_calls` reads it; its arguments follow the function's schema:

    <tool_call>
    {"name": "…", "arguments": …}
    </tool_call>

Where nothing of that is asked, and no `response_format` either, an answer is free and calls what it
likes.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from practicum.decoding.constraint import Constraint
from practicum.decoding.grammar import SPACES, Grammar, JsonSchema
from practicum.decoding.guidance import GuidedMatcher, guided
from practicum.decoding.schema_recursion import can_end
from practicum.errors import ConfigError
from practicum.serving.api_errors import Refusal
from practicum.serving.openai_requests import ChatRequest, ChosenTool, FunctionShape
from practicum.serving.response_formats import constraint_of
from practicum.serving.served import Served
from practicum.serving.tool_calls import CLOSES, OPENS, writes_calls
from practicum.tokenizers.tokenizer import Tokenizer

ANYTHING = r"/(.|\n)*/"
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


async def kept_to(asked: ChatRequest, served: Served) -> Constraint | None:
    """What the answers may be; None: anything.

    Raises Refusal (400) where the request cannot be held to. Schemas are looked at in another
    thread, since that takes time.
    """
    form = await constraint_of(asked.response_format, served)
    named = _named(asked)
    held = [tool.function for tool in asked.shown if named is None or tool.function.name == named]
    if named is not None and not held:
        raise _refusal(f"there is no tool '{named}' among tools", "tool_choice")
    if asked.must_call and not held:
        raise _refusal("tool_choice asks for a call, and there are no tools", "tool_choice")
    strict = [function for function in held if asked.must_call or function.strict]
    if not writes_calls(served.language_model.chat_template):
        if asked.must_call or strict:
            raise _refusal(
                "this model's chat template shows tools in a form that is not known here, so that "
                f"an answer cannot be kept to a call; use a model that writes {OPENS}",
                "tool_choice" if asked.must_call else "tools",
            )
        return form
    one = asked.parallel_tool_calls is False
    if not held or not (asked.must_call or strict or one or form):
        return form
    if not served.language_model.ends:
        raise _refusal(
            "this model has no token that ends a text, so that it cannot be kept to calls",
            "tool_choice" if asked.must_call else "tools",
        )
    said = None if form is None else form.source.removeprefix("start: ")
    plain, marked = (
        _source(
            [(function, function in strict) for function in held],
            specials,
            needed=asked.must_call,
            one=one or named is not None,
            said=said,
        )
        for specials in ({}, served.language_model.tokenizer.specials)
    )
    grammar = await asyncio.to_thread(_checked, plain, strict, asked)
    return grammar if marked == plain else WithSpecials(lark=marked)


@dataclass(frozen=True, kw_only=True)
class WithSpecials:
    """A grammar with ids of special tokens in it; `Grammar` checks it with texts in their place."""

    lark: str

    def matcher(self, tokenizer: Tokenizer, ends: frozenset[int]) -> GuidedMatcher:
        """See `Constraint.matcher`."""
        return guided(self.lark, tokenizer, ends)


def _named(asked: ChatRequest) -> str | None:
    """The function that has to be called."""
    choice = asked.tool_choice
    return choice.function.name if isinstance(choice, ChosenTool) else None


def _refusal(message: str, field: str, code: str = "invalid_value") -> Refusal:
    return Refusal(400, message, code=code, param=field)


def _source(
    functions: Sequence[tuple[FunctionShape, bool]],  # and whether its schema is held to
    specials: Mapping[str, int],
    *,
    needed: bool,
    one: bool,
    said: str | None,  # what an answer without a call is: a rule's right side; None: any text
) -> str:
    """The grammar, in Lark."""
    opens, closes = (_mark(text, specials) for text in (OPENS, CLOSES))
    more = "" if one else r' ("\n" call)*'
    lines = [f"call: {opens} body", f'body: "\\n" (%s) "\\n" {closes}']
    if needed:
        lines.insert(0, f"start: call{more}")
    elif said is not None:
        lines[:0] = [f"start: said | call{more}", f"said: {said}"]
    else:
        lines[:1] = _among_text(opens, one=one)
    rules: list[str] = []
    for number, (function, strictly) in enumerate(functions):
        schema = _arguments(function) if strictly else {"type": "object"}
        spaced = {**schema, "x-guidance": {"whitespace_pattern": SPACES}}
        head = json.dumps(f'{{"name": "{function.name}", "arguments": ')
        rules += [f'tool_{number}: {head} arguments_{number} "}}"']
        rules += [f"arguments_{number}: %json {json.dumps(spaced)}"]
    lines[-1] %= " | ".join(f"tool_{number}" for number in range(len(functions)))
    return "\n".join([*lines, *rules])


def _among_text(opens: str, *, one: bool) -> list[str]:
    """Rules for any text that holds calls, or at the most one, which ends it."""
    with_calls = "before body" if one else "(before body)+ said?"
    rules = [f"start: said? | {with_calls}", "said: SAID"]
    if opens != json.dumps(OPENS):  # a special token, which no expression matches
        return [*rules, f"SAID: {ANYTHING}", f"before: said? {opens}"]
    rules.append(f"SAID: {ANYTHING} & ~/(.|\\n)*{OPENS}(.|\\n)*/")
    return [*rules, f"before[suffix={opens}]: {ANYTHING}"]


def _mark(text: str, specials: Mapping[str, int]) -> str:
    """A text in Lark, or the special token that it is."""
    id = specials.get(text)
    return json.dumps(text) if id is None else f"<[{id}]>"


def _arguments(function: FunctionShape) -> dict[str, Any]:
    """The schema of a function's arguments; without one it takes none."""
    schema = function.parameters
    if schema is None:
        return NOTHING
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise _refusal(
            f"the parameters of '{function.name}' are of type {json.dumps(kind)[:40]}; arguments "
            "are an object",
            "tools",
            "invalid_schema",
        )
    return {**schema, "type": "object"}


def _checked(source: str, strict: Sequence[FunctionShape], asked: ChatRequest) -> Grammar:
    """The grammar. Raises Refusal (400) where it is none, with the function at fault."""
    try:
        grammar = Grammar(lark=source)  # first, since it bounds how deeply a schema nests
        if all(can_end(_arguments(function)) for function in strict):
            return grammar
        wrong = ConfigError("arguments would hold others of their own kind without end")
    except ConfigError as problem:
        wrong = problem
    for place, tool in enumerate(asked.shown):
        if tool.function in strict:
            try:
                JsonSchema(schema=json.dumps(_arguments(tool.function)))
            except ConfigError as reason:
                where = f"tools.{place}.function.parameters"
                raise _refusal(str(reason), where, "invalid_schema") from reason
    raise _refusal(f"the tools cannot be held to: {wrong}", "tools", "invalid_schema") from wrong
