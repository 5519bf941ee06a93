"""An answer that has to call a tool does, with arguments that follow the tool's schema."""

import asyncio
import json
import pickle
from contextlib import contextmanager
from typing import Literal

import openai
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from practicum.decoding.language_model import LanguageModel
from practicum.serving.call_grammar import WithSpecials, _source, kept_to
from practicum.serving.engine import Engine
from practicum.serving.http import application
from practicum.serving.openai_requests import ChatRequest, FunctionShape
from practicum.serving.served import Served
from practicum.serving.settings import Settings
from practicum.serving.worker import Worker
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.chat import ChatTemplate

TEMPLATE = (
    "{% for t in tools or () %}<tool_call>{{ t | tojson }}\n{% endfor %}"
    "{% for m in messages %}{{ m.role }}: {{ m.content }};{% endfor %}"
)
TALK = [{"role": "user", "content": "Will it rain?"}]
END = 256


def tool(name, properties=None, **more):
    function = {"name": name}
    if properties is not None:
        function["parameters"] = {
            "type": "object",
            "properties": properties,
            "required": [*properties],
            "additionalProperties": False,
        }
    return {"type": "function", "function": {**function, **more}}


RAIN = tool("rain", {"place": {"enum": ["Örebro", "Lund"]}, "soon": {"type": "boolean"}})
SUN = tool("sun")


@contextmanager
def client_of(talker, template):
    model = LanguageModel(talker.model, talker.tokenizer, ChatTemplate(template))
    worker = Worker(Engine(model, Settings(rows=8, memory=0.05)))
    try:
        with TestClient(application(Served(name="tiny", worker=worker))) as client:
            yield client
    finally:
        worker.close()


@pytest.fixture(scope="module")
def ask(talker):
    with (
        client_of(talker, TEMPLATE) as http,
        openai.OpenAI(
            base_url="http://testserver/v1", api_key="-", http_client=http, max_retries=0
        ) as client,
    ):
        yield client


def said(ask, logit_bias=None, **more):
    bias = {str(id): -100 for id in (*b" \t\r\n", END)} | (logit_bias or {})  # no spaces in JSON
    asked = {"model": "tiny", "messages": TALK, "tools": [RAIN, SUN], "max_tokens": 160, **more}
    return ask.chat.completions.create(**asked, logit_bias=bias)


def arguments_of(call):
    return json.loads(call.function.arguments)


def test_a_required_call_is_one_of_the_tools_and_follows_its_schema(ask):
    for name, arguments in (("rain", {"place", "soon"}), ("sun", set())):
        answer = said(
            ask,
            tool_choice="required",
            parallel_tool_calls=False,
            n=2,
            logit_bias={str(ord(name[0])): 50},
        )
        for choice in answer.choices:
            assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
            (call,) = choice.message.tool_calls
            assert call.function.name == name
            assert set(arguments_of(call)) == arguments
            assert arguments_of(call).get("place", "Lund") in ("Örebro", "Lund")


def test_a_tool_that_is_named_is_called_once(ask):
    choice = {"type": "function", "function": {"name": "rain"}}
    for seed in range(2):
        (call,) = said(ask, tool_choice=choice, seed=seed).choices[0].message.tool_calls
        assert call.function.name == "rain"
        assert arguments_of(call)["soon"] in (True, False)


def test_several_may_be_called_unless_they_may_not(ask):
    bias = {"10": -50}  # after a call comes a line's end and another, or the end of the text
    many = said(ask, tool_choice="required", logit_bias=bias, tools=[SUN]).choices[0]
    assert many.finish_reason == "length"
    assert len(many.message.tool_calls) > 1
    one = said(
        ask, tool_choice="required", logit_bias=bias, tools=[SUN], parallel_tool_calls=False
    ).choices[0]
    assert (one.finish_reason, len(one.message.tool_calls)) == ("tool_calls", 1)


def test_a_stream_says_the_same_calls(ask):
    asked = {"tool_choice": "required", "seed": 3, "parallel_tool_calls": False}
    whole = said(ask, **asked).choices[0].message.tool_calls
    chunks = [chunk.choices[0] for chunk in said(ask, **asked, stream=True)]
    streamed = [call for chunk in chunks for call in chunk.delta.tool_calls or ()]
    assert [call.index for call in streamed] == [0]
    assert streamed[0].function.arguments == whole[0].function.arguments
    assert not any(chunk.delta.content for chunk in chunks)
    assert chunks[-1].finish_reason == "tool_calls"


class Rain(BaseModel):
    """Will it rain?"""

    place: Literal["Örebro", "Lund"]
    soon: bool


def test_the_client_finds_its_own_classes_in_what_is_called(ask):
    asked = {
        "model": "tiny",
        "messages": TALK,
        "tools": [openai.pydantic_function_tool(Rain)],  # strict
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "max_tokens": 200,
        "extra_body": {"logit_bias": {str(id): -100 for id in b" \t\r\n"}},
    }
    (call,) = ask.chat.completions.parse(**asked).choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Rain)
    with ask.chat.completions.stream(**asked) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, Rain)


def test_an_answer_that_may_call_stays_in_its_form_where_it_does_not(ask):
    schema = tool("", {"yes": {"type": "boolean"}})["function"]["parameters"]
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    no_call = {"60": -100}  # "<"
    choice = said(ask, response_format=form, logit_bias=no_call, seed=2).choices[0]
    assert set(json.loads(choice.message.content)) == {"yes"}
    strict = [tool("rain", {"soon": {"type": "boolean"}}, strict=True)]
    a_call = said(
        ask,
        response_format=form,
        tools=strict,
        parallel_tool_calls=False,  # a second one might be cut, and what is cut is text
        logit_bias={"60": 100},
    ).choices[0]
    assert len(a_call.message.tool_calls) == 1
    assert a_call.message.content is None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "snow"}}}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": "required", "tools": [tool("f", parameters={"type": "array"})]}, "tools"),
        (
            {"tool_choice": "required", "tools": [SUN, tool("f", parameters={"type": 1})]},
            "tools",
        ),
        (
            {"tools": [SUN, tool("f", strict=True, parameters={"not": {"type": "object"}})]},
            "tools.1.function.parameters",
        ),
        (
            {"tools": [tool("f", {"again": {"$ref": "#"}}, strict=True)]},
            "tools.0.function.parameters",
        ),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [SUN] * 129}, "tools"),
    ],
    ids=lambda x: str(x)[:50],
)
def test_what_cannot_be_held_to_is_refused_by_name(ask, more, field):
    with pytest.raises(openai.BadRequestError) as refused:
        said(ask, **more)
    assert refused.value.param == field


def test_a_model_whose_calls_are_not_known_is_kept_to_none(talker):
    strict = tool("rain", {"soon": {"type": "boolean"}}, strict=True)
    with client_of(talker, TEMPLATE.replace("<tool_call>", "[CALL]")) as client:
        body = {"model": "tiny", "messages": TALK, "max_tokens": 2}
        for more in ({"tools": [SUN], "tool_choice": "required"}, {"tools": [strict]}):
            answer = client.post("/v1/chat/completions", json={**body, **more})
            assert answer.status_code == 400
            assert "not known here" in answer.json()["error"]["message"]
        for more in ({"tools": [strict], "tool_choice": "none"}, {"tools": [SUN]}):
            assert client.post("/v1/chat/completions", json={**body, **more}).status_code == 200


def allowed(source, text, tokenizer):
    """Whether `text`, as ids, may be written, and may end there."""
    matcher = WithSpecials(lark=source).matcher(tokenizer, frozenset({END}))
    for id in tokenizer.encode(text, specials=True):
        if not matcher.mask()[id]:
            return False
        matcher.take(id)
    return bool(matcher.mask()[END])


CALL = '<tool_call>\n{"name": "rain", "arguments": {"soon": true}}\n</tool_call>'
STRICT = FunctionShape.model_validate(
    tool("rain", {"soon": {"type": "boolean"}}, strict=True)["function"]
)


def test_a_model_whose_marks_are_special_tokens_is_kept_to_them(talker):
    others = (f"<|{number}|>" for number in range(1000))
    tokenizer = ByteTokenizer(("<|endoftext|>", *others, "<tool_call>", "</tool_call>"))
    model = LanguageModel(talker.model, talker.tokenizer, ChatTemplate(TEMPLATE), ends=(END,))
    model.tokenizer = tokenizer  # of which this small model scores a part alone
    asked = ChatRequest(model="tiny", messages=TALK, tools=[SUN], tool_choice="required")
    worker = Worker(Engine(LanguageModel(talker.model, talker.tokenizer)))
    served = Served(name="tiny", worker=worker)
    worker.engine.language_model = model
    constraint = asyncio.run(kept_to(asked, served))
    worker.close()
    assert pickle.loads(pickle.dumps(constraint)) == constraint  # as replicas are sent it
    text = '<tool_call>\n{"name": "sun", "arguments": {}}\n</tool_call>'
    assert allowed(constraint.lark, text, tokenizer)
    assert not allowed(constraint.lark, f"{text} and more", tokenizer)


@pytest.mark.parametrize(
    "specials", [(), ("<tool_call>", "</tool_call>")], ids=["text", "special tokens"]
)
def test_among_free_text_every_call_is_held_to_its_schema(specials):
    others = tuple(f"<|{number}|>" for number in range(1000))
    tokenizer = ByteTokenizer(("<|endoftext|>", *others, *specials))
    functions = [(STRICT, True)]
    several = _source(functions, tokenizer.specials, needed=False, one=False, said=None)
    for fits in ("", "It may\nrain <tool", CALL, f"Let me look: {CALL}\n{CALL} done", "é <b>"):
        assert allowed(several, fits, tokenizer), fits
    for not_so in (CALL.replace("true", "1"), CALL.replace("rain", "sun"), f"a {CALL[:-3]}"):
        assert not allowed(several, not_so, tokenizer), not_so
    one = _source(functions, tokenizer.specials, needed=False, one=True, said=None)
    assert allowed(one, f"Let me look: {CALL}", tokenizer)
    assert allowed(one, "No.", tokenizer)
    assert not allowed(one, f"{CALL}\n{CALL}", tokenizer)
    needed = _source(functions, tokenizer.specials, needed=True, one=True, said=None)
    assert allowed(needed, CALL, tokenizer)
    assert not allowed(needed, "No.", tokenizer)
