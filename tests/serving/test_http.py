"""What every route says, and what none of them can be brought to do."""

import json

import pytest
from pydantic import ValidationError

from practicum.errors import Busy
from practicum.serving.openai_requests import ChatRequest, CompletionRequest, EmbeddingRequest

ROUTES = ("/v1/completions", "/v1/chat/completions", "/v1/embeddings")
TALK = [{"role": "user", "content": "hi"}]
ASKED = {
    "/v1/completions": {"model": "tiny", "prompt": "It was", "max_tokens": 2},
    "/v1/chat/completions": {"model": "tiny", "messages": TALK, "max_tokens": 2},
    "/v1/embeddings": {"model": "tiny", "input": "It was"},
}


def post(client, route, body):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return client.post(route, content=body, headers={"content-type": "application/json"})


def refusal(answer, status):
    """What is said; every error has the same shape, and a request's name."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-request-id"].startswith("req-")
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert "\n" not in error["message"]
    return error


def test_the_model_is_listed_under_its_name(client, served):
    listed = client.get("/v1/models").json()
    assert [card["id"] for card in listed["data"]] == ["tiny"]
    assert client.get("/v1/models/tiny").json() == listed["data"][0]
    assert refusal(client.get("/v1/models/owner/tiny"), 404)["code"] == "model_not_found"


def test_health_is_said_and_so_is_what_ails_the_engine(client, served, monkeypatch):
    from practicum.errors import ModelError

    assert client.get("/health").json() == {"status": "ok"}
    monkeypatch.setattr(served.worker, "problem", ModelError("the engine has stopped: no power"))
    ill = client.get("/health")
    assert (ill.status_code, ill.json()["reason"]) == (503, "the engine has stopped: no power")
    error = refusal(post(client, "/v1/completions", ASKED["/v1/completions"]), 503)
    assert "no power" in error["message"]


def test_unknown_routes_and_methods_are_said_to_be(client):
    assert "/v2/chat" in refusal(client.get("/v2/chat"), 404)["message"]
    wrong = client.delete("/v1/completions")
    assert "DELETE" in refusal(wrong, 405)["message"]
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "needed"),
        (b"{", "not JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"model": "\xc3\x28"}', "UTF-8"),
        (b"[" * 100_000, "depth"),
        (b'{"model": ' + b"9" * 5000 + b"}", "cannot be read"),
    ],
    ids=["nothing", "half", "list", "text", "bytes", "broken-utf8", "deep", "long-number"],
)
def test_a_body_that_is_no_json_object_is_refused(client, route, body, words):
    assert words in refusal(post(client, route, body), 400)["message"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_of_another_kind_is_refused(client, route):
    answer = client.post(route, content=json.dumps(ASKED[route]))  # a form, says its sender
    assert "application/json" in refusal(answer, 400)["message"]


@pytest.mark.parametrize("route", ROUTES)
def test_every_unknown_or_misshapen_field_is_named(client, route):
    asked = ASKED[route]
    assert post(client, route, asked).status_code == 200
    error = refusal(post(client, route, {**asked, "tempratur": 1}), 400)
    assert (error["param"], error["code"]) == ("tempratur", "unknown_parameter")
    for name in asked:
        rest = {key: value for key, value in asked.items() if key != name}
        if name != "max_tokens":
            assert refusal(post(client, route, rest), 400)["param"] == name
        for wrong in (True, {"a": 1}, 1.5):
            assert name in refusal(post(client, route, {**asked, name: wrong}), 400)["param"]


WRONG = [
    ("temperature", -0.1),
    ("temperature", 2.1),
    ("temperature", "1"),
    ("temperature", float("nan")),
    ("temperature", 1e400),
    ("top_p", -1),
    ("top_p", float("-inf")),
    ("max_tokens", -5),
    ("max_tokens", 2.5),
    ("n", 0),
    ("n", 10**30),
    ("seed", 2**63),
    ("seed", 0.5),
    ("stop", ["a", "b", "c", "d", "e"]),
    ("stop", ""),
    ("stop", ["\ud800"]),
    ("frequency_penalty", 2.1),
    ("frequency_penalty", "0.5"),
    ("presence_penalty", -2.5),
    ("logit_bias", {"257": -100}),
    ("logit_bias", {"50": -101}),
    ("logit_bias", {"50": True}),
    ("logit_bias", {"50": float("nan")}),
    ("logit_bias", {"the": 5}),
    ("logit_bias", {"-1": 5}),
    ("logit_bias", {"007": 5}),
    ("logit_bias", {"9" * 5000: 5}),
    ("logit_bias", {str(id): 1 for id in range(1025)}),
    ("logit_bias", [50]),
    ("stream", "yes"),
    ("stream_options", {"include_usage": True}),
    ("repetition_penalty", 0),
    ("repetition_penalty", 5e-324),
    ("metadata", {"a": 1}),
    ("store", True),
]


@pytest.mark.parametrize("route", ROUTES[:2])
@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda x: str(x)[:20])
def test_values_out_of_range_are_refused_by_name(client, route, name, value):
    error = refusal(post(client, route, {**ASKED[route], name: value}), 400)
    assert name in error["message"] or (error["param"] or "").startswith(name)


COMPLETION_WRONG = [
    {"suffix": "end"},
    {"best_of": 3},
    {"logprobs": 6},
    {"logprobs": True},
    {"prompt": []},
    {"prompt": [[]]},
    {"prompt": ["a", 3]},
    {"prompt": [-1]},
    {"prompt": [257]},
    {"prompt": [10**40]},
    {"prompt": "half \ud83d"},
    {"prompt": "x" * 1025},
    {"prompt": ["x"] * 129},
]
CHAT_WRONG = [
    {"messages": []},
    {"messages": [{"role": "wizard", "content": "x"}]},
    {"messages": [{"role": "user"}]},
    {"messages": [{"role": "user", "content": None}]},
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
    {"messages": [{"role": "user", "content": "\udfff"}]},
    {"messages": [{"role": "user", "content": "x", "colour": "red"}]},
    {"messages": [{"role": "user", "content": "x", "tool_calls": [{}]}]},
    {"logprobs": True, "top_logprobs": 21},
    {"top_logprobs": 2},
    {"max_tokens": 0},
    {"max_tokens": 4, "max_completion_tokens": 4},
    {"tool_choice": "required"},
    {"tools": [{"type": "function", "function": {"name": "no spaces"}}]},
    {"tools": [{"type": "function", "function": {"name": "f"}}]},  # the template knows none
    {"functions": [{"name": "f"}]},
    {"response_format": {"type": "xml"}},
    {"response_format": {"type": "json_schema"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 1}}},
    {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": 1}},
        }
    },
    {"response_format": {"type": "json_object"}},  # by a model that never ends
    {"modalities": ["audio"]},
]
EMBEDDING_WRONG = [
    {"input": ""},
    {"input": []},
    {"input": ["a", ""]},
    {"input": [999]},
    {"input": "x" * 1025},
    {"input": ["x"] * 2049},
    {"encoding_format": "hex"},
    {"dimensions": 3},
]
WRONG_OF = [
    (route, change)
    for route, changes in zip(ROUTES, (COMPLETION_WRONG, CHAT_WRONG, EMBEDDING_WRONG), strict=True)
    for change in changes
]


@pytest.mark.parametrize(("route", "change"), WRONG_OF, ids=lambda x: str(x)[:40])
def test_what_a_route_cannot_do_is_refused(client, route, change):
    error = refusal(post(client, route, {**ASKED[route], **change}), 400)
    said = f"{error['message']} {error['param']}"
    assert any(word in said for word in (*change, "context", "token", "tools", "answers"))


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (CompletionRequest, {"prompt": ["a"] * 9999 + [1]}),
        (CompletionRequest, {"prompt": ["a"] + [1] * 9999}),
        (CompletionRequest, {"prompt": "a", "metadata": {str(i): i for i in range(9999)}}),
        (CompletionRequest, {"prompt": "a", **{str(i): i for i in range(9999)}}),
        (CompletionRequest, {"prompt": "a", "stop": [1] * 9999}),
        (CompletionRequest, {"prompt": "a", "logit_bias": {str(i): "a" for i in range(999)}}),
        (ChatRequest, {"messages": [{}] * 9999}),
        (ChatRequest, {"messages": [{"role": "user", "content": [1] * 9999}]}),
        (EmbeddingRequest, {"input": [[]] * 9999}),
    ],
    ids=lambda x: str(x)[:30],
)
def test_of_many_faults_few_are_looked_at(shape, body):
    with pytest.raises(ValidationError) as refused:
        shape.model_validate({"model": "tiny", **body})
    assert refused.value.error_count() <= 9


def test_a_text_that_cannot_fit_is_not_even_encoded(client, served, monkeypatch):
    monkeypatch.setattr(served.language_model, "encode_prompt", None)
    body = {"model": "tiny", "prompt": "x" * 20_000}
    error = refusal(post(client, "/v1/completions", body), 400)
    assert error["code"] == "context_length_exceeded"
    assert "at least 1538 tokens" in error["message"]


def test_a_part_that_is_no_text_is_named(client):
    picture = [{"type": "image_url", "image_url": {"url": "https://example.org"}}]
    body = {"model": "tiny", "messages": [{"role": "user", "content": picture}]}
    error = refusal(post(client, "/v1/chat/completions", body), 400)
    assert "'image_url' is not supported" in error["message"]
    assert error["param"] == "messages.0.content"


def test_what_changes_no_answer_is_accepted(client):
    idle = {
        "user": "me",
        "metadata": {"a": "b"},
        "store": False,
        "service_tier": "auto",
        "logit_bias": {},
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "top_p": 0,
        "stop": [],
    }
    for route in ROUTES[:2]:
        assert post(client, route, {**ASKED[route], **idle}).status_code == 200
    earlier = {
        "role": "assistant",
        "content": "yes",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    body = {"model": "tiny", "messages": [*TALK, earlier, *TALK], "max_tokens": 2}
    assert post(client, "/v1/chat/completions", body).status_code == 200


def test_more_tokens_than_the_context_holds_end_with_it(client):
    body = {"model": "tiny", "prompt": "x" * 1020, "max_tokens": 10**12}
    choice = post(client, "/v1/completions", body).json()
    told = [
        choice["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    ]
    assert told == [1020, 5, 1025]
    assert choice["choices"][0]["finish_reason"] == "length"


def test_a_temperature_next_to_nothing_takes_the_likeliest_token(client):
    body = {"model": "tiny", "prompt": "It was", "max_tokens": 5}
    texts = {
        post(client, "/v1/completions", {**body, "temperature": t}).json()["choices"][0]["text"]
        for t in (0, 5e-324, 1e-40, 1e-6)
    }
    assert len(texts) == 1


def test_parts_of_a_message_stand_on_lines_of_their_own(client):
    def said(content):
        body = {
            "model": "tiny",
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": 8,
        }
        return post(client, "/v1/chat/completions", body).json()["choices"][0]["message"]

    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert said(parts) == said("one\ntwo")


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({"type": "xml"}, ""),
        ({"type": ["text"]}, ""),
        ("text", ""),
        ({"type": "text", "size": 1}, ".size"),
        ({"type": "json_schema"}, ".json_schema"),
        ({"type": "json_schema", "json_schema": {"name": "a"}}, ".json_schema.schema"),
    ],
)
def test_a_form_is_refused_at_the_place_that_is_wrong(client, form, place):
    body = {"model": "tiny", "messages": TALK, "response_format": form}
    error = refusal(post(client, "/v1/chat/completions", body), 400)
    assert error["param"] == f"response_format{place}"


def test_as_many_as_are_wanted_may_be_the_best(client):
    body = {"model": "tiny", "prompt": "It was", "max_tokens": 2}
    for more in ({"best_of": 1}, {"best_of": 2, "n": 2}):
        answer = post(client, "/v1/completions", {**body, **more})
        assert len(answer.json()["choices"]) == more["best_of"]
    for more in ({"best_of": 2}, {"best_of": 1, "n": 2}):
        error = refusal(post(client, "/v1/completions", {**body, **more}), 400)
        assert "best_of has to be n" in error["message"]


def test_an_answer_keeps_to_its_schema(ender, client):
    schema = {
        "type": "object",
        "properties": {"yes": {"type": "boolean"}, "size": {"enum": ["small", "large"]}},
        "required": ["yes", "size"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema, "strict": True}}
    body = {"model": "tiny", "messages": TALK, "response_format": form, "n": 2, "seed": 4}
    for choice in post(ender, "/v1/chat/completions", body).json()["choices"]:
        found = json.loads(choice["message"]["content"])
        assert set(found) == {"yes", "size"}
        assert found["size"] in ("small", "large")
        assert choice["finish_reason"] == "stop"
    any_object = {**body, "response_format": {"type": "json_object"}, "max_tokens": 5}
    for choice in post(ender, "/v1/chat/completions", any_object).json()["choices"]:
        assert choice["message"]["content"].startswith("{")
    assert (
        "no token that ends" in refusal(post(client, "/v1/chat/completions", body), 400)["message"]
    )


def test_a_schema_that_cannot_be_held_to_is_refused(ender):
    for schema in ({"type": 1}, {"$ref": "https://example.org/x"}, {"not": {"type": "string"}}):
        form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
        body = {"model": "tiny", "messages": TALK, "response_format": form}
        error = refusal(post(ender, "/v1/chat/completions", body), 400)
        assert error["code"] == "invalid_schema"


def test_a_fault_of_the_server_is_said_without_its_inside(client_with, served, monkeypatch):
    lines = []
    client = client_with(log=lines.append)
    monkeypatch.setattr(served.worker, "answer", None)
    error = refusal(post(client, "/v1/completions", ASKED["/v1/completions"]), 500)
    assert "NoneType" not in error["message"]
    assert "NoneType" in json.loads(lines[-1])["problem"]


def test_bodies_are_read_no_further_than_they_may_be(client_with, monkeypatch):
    monkeypatch.setattr("practicum.serving.connection.LINGER", 0.1)
    client = client_with(body_bytes=1000)
    long = json.dumps({**ASKED["/v1/completions"], "prompt": "x" * 2000}).encode()
    read = []

    def slowly():
        for start in range(0, 10**6, 500):
            read.append(start)
            yield long[:500]

    for content in (long, slowly()):
        answer = client.post("/v1/completions", content=content)
        assert "1000 bytes" in refusal(answer, 413)["message"]


def test_a_client_may_only_ask_so_often(client_with):
    client = client_with(requests_per_minute=2)
    for status in (200, 200, 429):
        answer = post(client, "/v1/embeddings", ASKED["/v1/embeddings"])
        assert answer.status_code == status
    assert refusal(answer, 429)["code"] == "rate_limit_exceeded"
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    client = client_with(tokens_per_minute=6)
    assert post(client, "/v1/embeddings", ASKED["/v1/embeddings"]).status_code == 200
    assert (
        "tokens" in refusal(post(client, "/v1/embeddings", ASKED["/v1/embeddings"]), 429)["message"]
    )


def test_a_prompt_that_was_refused_a_place_is_not_charged(client_with, served, monkeypatch):
    client = client_with(tokens_per_minute=60)
    body = {**ASKED["/v1/completions"], "prompt": "a" * 40}
    with monkeypatch.context() as full:
        full.setattr(served.worker, "refuse_if_full", refuse)
        for stream in (False, True):
            answer = post(client, "/v1/completions", body | {"stream": stream})
            assert refusal(answer, 429)["code"] == "engine_overloaded"
    assert post(client, "/v1/completions", body).status_code == 200


def refuse(more=0):
    raise Busy(3, 2.0)


def test_names_that_are_not_its_own_are_not_answered(client_with):
    client = client_with(hosts=frozenset({"localhost", "::1"}))
    for host, status in (("localhost:8000", 200), ("[::1]:80", 200), ("evil.example", 403)):
        assert client.get("/v1/models", headers={"host": host}).status_code == status


def test_prometheus_is_told_what_went_on(client):
    body = {**ASKED["/v1/completions"], "max_tokens": 3}
    assert post(client, "/v1/completions", body).status_code == 200
    text = client.get("/metrics").text
    assert 'practicum_requests_total{route="/v1/completions",status="200"}' in text
    assert "practicum_engine_writing 0.0" in text
    assert "practicum_first_token_seconds_bucket" in text


@pytest.mark.parametrize("name", ["Temperature", "body", "x[0]", "a.b"])
def test_an_unknown_field_is_named_whatever_it_is_called(client, name):
    for body, place in (
        ({"prompt": "a", name: 1}, ""),
        ({"messages": [{"role": "user", "content": "a", name: 1}]}, "messages.0."),
    ):
        route = "/v1/chat/completions" if place else "/v1/completions"
        error = client.post(route, json={"model": "tiny", **body}).json()["error"]
        assert error["message"] == f"unknown field '{place}{name}'"
        assert error["param"] == f"{place}{name}"


def test_an_unknown_field_is_not_said_at_any_length(client):
    body = {"model": "tiny", "prompt": "a", "x" * 10**6: 1}
    answer = client.post("/v1/completions", json=body)
    assert len(answer.content) < 1000


def test_a_stream_that_would_echo_is_refused_before_it_begins(client, served, monkeypatch):
    monkeypatch.setattr(served.worker, "refuse_if_full", refuse)
    for more in ({}, {"logprobs": 1}):
        body = {"model": "tiny", "prompt": "a", "stream": True, "echo": True, **more}
        answer = client.post("/v1/completions", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
