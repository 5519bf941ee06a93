"""A load is what it says, and its times are a client's."""

import asyncio
import json
from dataclasses import replace

import httpx2
import pytest
from click.testing import CliRunner

from practicum.cli.bench import command
from practicum.errors import ConfigError, DataError
from practicum.serving.load_picture import load_picture
from practicum.serving.stated_load import Heard, StatedLoad, summed, under_load

LOAD = StatedLoad(clients=3, requests=2, words=8, tokens=6)


@pytest.mark.parametrize("chat", [True, False])
def test_every_client_asks_again_as_soon_as_it_is_answered(running, chat):
    address, worker = running
    before = worker.load
    found = asyncio.run(under_load(f"http://{address}/v1", replace(LOAD, chat=chat)))
    assert (found.answers, found.failed, found.problem) == (6, 0, None)
    assert worker.load.asked - before.asked == 6
    assert found.tokens == worker.load.said_tokens - before.said_tokens == 36
    for client in range(3):
        first, second = (one for one in found.heard if one.client == client)
        assert second.asked >= first.asked + first.pieces[-1]
        assert 0 < first.pieces[0] <= first.pieces[-1] <= found.seconds
    assert found.tokens_per_second == pytest.approx(36 / found.seconds)


def test_prompts_are_as_long_as_stated_differ_and_can_be_asked_again():
    load = StatedLoad(words=25)
    prompts = [load.prompt(client, request) for client in range(4) for request in range(3)]
    assert len(set(prompts)) == 12
    assert {len(prompt.split()) for prompt in prompts} == {25}
    assert prompts[0] == StatedLoad(words=25).prompt(0, 0) != StatedLoad(seed=1).prompt(0, 0)


def test_percentiles_are_those_of_the_answers_that_came():
    heard = [
        Heard(client=0, asked=0.0, pieces=(0.1, 0.2, 0.4), tokens=3),
        Heard(client=1, asked=0.0, pieces=(0.3, 0.4), tokens=2),
        Heard(client=2, asked=0.0, pieces=(), tokens=0, problem="429 busy"),
    ]
    found = summed(LOAD, 2.0, heard, "there")
    assert (found.answers, found.failed, found.problem) == (2, 1, "429 busy")
    assert found.tokens_per_second == 2.5
    assert found.first_text[0] == pytest.approx(0.2)
    assert found.between_pieces[0] == pytest.approx(0.1)
    assert found.row()["answer_p50"] == pytest.approx(0.4)
    assert len(load_picture([found, found]).axes) == 3
    with pytest.raises(DataError, match="429 busy"):
        summed(LOAD, 2.0, heard[2:], "there")


PIECE, DONE = json.dumps({"choices": [{"text": "a", "delta": None}]}), "[DONE]"


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([PIECE, '{"error": {"message": "the model\\n is gone"}}'], "amid the answer.*is gone"),
        ([PIECE], "broke off"),
        ([PIECE, "[1]", DONE], "AttributeError"),
        ([PIECE, "{", DONE], "JSONDecodeError"),
    ],
)
def test_an_answer_that_does_not_come_to_its_end_is_none(monkeypatch, events, problem):
    with pytest.raises(DataError, match=problem):
        under_load_of(monkeypatch, "".join(f"data: {event}\n\n" for event in events))


def test_a_server_that_counts_nothing_is_measured_all_the_same(monkeypatch):
    quiet = json.dumps({"choices": None, "usage": None})
    found = under_load_of(monkeypatch, f"data: {PIECE}\n\ndata: {quiet}\n\ndata: [DONE]\n\n")
    assert (found.answers, found.failed, found.tokens) == (6, 0, 6)


@pytest.mark.parametrize("models", ["[1, 2]", '{"data": null}', '{"data": []}', "<html>"])
def test_what_is_no_list_of_models_is_no_server(monkeypatch, models):
    with pytest.raises(DataError, match="no server with OpenAI's routes"):
        under_load_of(monkeypatch, "", models)


def under_load_of(monkeypatch, said, models='{"data": [{"id": "it"}]}'):
    """`LOAD` on a server that always says this."""

    def answer(request):
        return httpx2.Response(200, text=models if request.method == "GET" else said)

    made = httpx2.AsyncClient
    transport = httpx2.MockTransport(answer)
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **more: made(transport=transport, **more))
    return asyncio.run(under_load("http://there/v1", LOAD))


def test_where_nothing_answers_it_is_said(running):
    with pytest.raises(DataError, match="practicum serve"):
        asyncio.run(under_load("http://127.0.0.1:9/v1", LOAD))
    with pytest.raises(DataError, match=r"v2/models answers 404"):
        asyncio.run(under_load(f"http://{running[0]}/v2", LOAD))
    with pytest.raises(ConfigError, match="clients is 0"):
        StatedLoad(clients=0)


def test_the_verb_prints_a_row_for_each_number_of_clients(running, tmp_path):
    picture = tmp_path / "load.png"
    where = ["--url", f"http://{running[0]}/v1", "--plot", str(picture)]
    small = ["--clients", "1", "--clients", "2", "--requests", "1", "--tokens", "3"]
    found = CliRunner().invoke(command, ["serve", *where, *small])
    assert found.exit_code == 0, found.output
    assert "tokens per second" in found.output
    assert picture.stat().st_size > 1000
