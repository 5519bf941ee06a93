"""A model behind a server says and scores what the same model says and scores in this process."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError, ModelError
from practicum.evaluation.code_runs import _kept_logprobs
from practicum.serving.endpoint import Endpoint, after
from practicum.serving.engine import Engine
from practicum.serving.http_settings import HttpSettings
from practicum.serving.keys import keys_of
from practicum.serving.remote import Remote
from practicum.serving.settings import Settings
from practicum.serving.told_tokens import Told, told_tokens

PROMPTS = ["It was", "the best", "of times", "a", "é, and 🙂"]
LETTERS = tuple((ord(letter), 6.0) for letter in "abcdefghijklmnopqrstuvwxyz ")


@pytest.fixture
def endpoint(running) -> Endpoint:
    return Endpoint.at(f"http://{running[0]}/v1")


@pytest.fixture
def engine(talker) -> Engine:
    return Engine(talker, Settings(rows=8, memory=0.05))


def in_order(scorer, prompts, samplings):
    found = sorted(scorer.generate(prompts, samplings), key=lambda one: one.index)
    assert [one.index for one in found] == list(range(len(prompts)))
    return found


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_the_same_seeds_say_the_same_as_the_engine(endpoint, engine, temperature):
    one = Sampling(temperature=temperature, top_p=0.9, max_tokens=24, logprobs=0)
    prompts = PROMPTS * 4
    samplings = [replace(one, seed=seed) for seed in range(len(prompts))]
    lettered = [replace(sampling, bias=LETTERS) for sampling in samplings]
    first, second, third, *_ = (one.text for one in in_order(engine, prompts, lettered))
    # more than a server takes, of which those beyond occur, too
    stop = (first[9:11], "qqq", "zzz", "xxx", second[5:7], third[12:14])
    stopped = [replace(sampling, stop=stop) for sampling in lettered]
    assert same(endpoint, engine, prompts, samplings) == {"length"}
    assert same(endpoint, engine, prompts, stopped) >= {"stop"}


def same(endpoint: Endpoint, engine: Engine, prompts, samplings) -> set[str]:
    """Asserts that both say the same; how it ended."""
    here, there = (in_order(scorer, prompts, samplings) for scorer in (engine, endpoint))
    for ours, theirs in zip(here, there, strict=True):
        assert (theirs.text, theirs.finish) == (ours.text, ours.finish)
        kept = _kept_logprobs(ours, engine.tokenizer.decode)
        assert theirs.logprobs == pytest.approx(kept, abs=1e-4)
        assert _kept_logprobs(theirs, endpoint.decode) == theirs.logprobs
        assert endpoint.decode(theirs.ids) == theirs.text
    return {one.finish for one in here}


def test_a_conversation_is_answered_and_scored(endpoint, engine):
    chat = [{"role": "user", "content": "Hello"}]
    sampling = Sampling(temperature=0.7, seed=5, max_tokens=12, logprobs=0)
    (ours,), (theirs,) = (in_order(scorer, [chat], sampling) for scorer in (engine, endpoint))
    assert theirs.text == ours.text
    assert theirs.logprobs == pytest.approx(ours.logprobs, abs=1e-4)
    assert endpoint.decode(theirs.ids) == theirs.text


def test_what_shapes_a_choice_is_passed_on(endpoint, engine):
    sampling = Sampling(
        temperature=1.5,
        top_k=40,
        min_p=0.01,
        repetition_penalty=1.2,
        frequency_penalty=0.5,
        presence_penalty=0.5,
        bias=((97, 5.0),),
        max_tokens=24,
        seed=3,
    )
    here, there = (in_order(scorer, PROMPTS, sampling) for scorer in (engine, endpoint))
    assert [one.text for one in there] == [one.text for one in here]
    assert all((one.logprobs, one.ids) == (None, ()) for one in there)


def test_what_is_not_consumed_is_cancelled(serve):
    with serve() as (address, worker):
        endpoint = Endpoint(Remote(url=f"http://{address}/v1", at_once=4), "tiny")
        answers = endpoint.generate(
            ["a"] * 9, [Sampling(max_tokens=2), *[Sampling(max_tokens=900)] * 8]
        )
        with closing(answers):
            next(answers)
        for _ in range(500):
            if worker.engine.idle:
                break
            threading.Event().wait(0.02)
        assert worker.engine.idle
        assert worker.load.said_tokens < 8 * 900


def test_likelihoods_are_those_of_the_model(endpoint, talker):
    (greedy,) = talker.generate(["It was"], Sampling(temperature=0, max_tokens=8))
    pairs = [
        ("It was", " the best"),
        ("It was", greedy.text),
        ("a", "b"),
        ("é", "🙂é"),
        ("x 🙂", " é"),
        ("a", ""),
    ]
    for ours, theirs in zip(
        talker.loglikelihood(pairs), endpoint.loglikelihood(pairs), strict=True
    ):
        assert theirs.total == pytest.approx(ours.total, abs=1e-4)
        assert theirs.tokens == pytest.approx(ours.tokens, abs=1e-4)
        assert theirs.greedy is ours.greedy


def test_a_begin_token_stands_before_an_empty_context(talker, serve, monkeypatch):
    with serve() as (address, _):
        endpoint = Endpoint.at(f"http://{address}/v1")
        with pytest.raises(ModelError, match="give a context"):
            endpoint.loglikelihood([("", "ab")])
        monkeypatch.setattr(talker.tokenizer, "begin", 256)
        pairs = [("", "ab"), ("", "é"), ("a", "b")]
        ours, theirs = (scorer.loglikelihood(pairs) for scorer in (talker, endpoint))
        assert [one.tokens for one in theirs] == [
            pytest.approx(one.tokens, abs=1e-4) for one in ours
        ]


def told(*tokens: tuple[str, int]) -> list[Told]:
    return [
        Told(text, -1.0 if at else None, start, None) for at, (text, start) in enumerate(tokens)
    ]


def test_a_token_that_begins_in_the_context_and_ends_after_it_is_scored_whole():
    tokens = told(("a", 0), ("bytes:\\x20\\xf0\\x9f", 1), ("bytes:\\x99\\x82", 2))
    assert after("a ", "a 🙂", tokens) == tokens[1:]
    assert after("a 🙂", "a 🙂", tokens) == []
    words = told(("It", 0), (" was", 2), (" so", 6))
    assert after("It ", "It was so", words) == words[1:]
    assert after("It was", "It was so", words) == words[2:]


def test_a_begin_token_whose_name_is_counted_moves_nothing():
    counted = told(("<s>", 0), (" It", 3), (" was", 5))
    assert [one.start for one in after("", "It was", counted)] == [0, 2]
    with pytest.raises(ModelError, match="' was' stands at character 4 of its echo, where it does"):
        after("It", "It was", told(("It", 0), (" was", 4)))


def test_tokens_of_llama_cpp_and_of_openai_are_read():
    letters = [" ", *("bytes:" + f"\\x{byte:02x}" for byte in "é".encode()), "b"]
    raw = [b" ", b"\xc3", b"\xa9", b"b"]
    content = [
        {"token": text, "logprob": -9999.0, "bytes": list(piece), "top_logprobs": []}
        for text, piece in zip(letters, raw, strict=True)
    ]
    found = told_tokens({"content": content})
    assert found is not None
    assert [(one.start, one.last, one.logprob) for one in found] == [
        (0, 0, -float("inf")),
        (1, 1, -float("inf")),
        (1, 1, -float("inf")),
        (2, 2, -float("inf")),
    ]
    assert told_tokens(None) is told_tokens({"content": None}) is None


@contextmanager
def answering(*answers: tuple[int, Any, dict[str, str]]) -> Iterator[tuple[str, list[Any]]]:
    """A server that gives these answers one after the other, the last for ever."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("content-length", 0))
            asked.append(json.loads(self.rfile.read(size) or "null"))
            status, body, headers = answers[min(len(asked), len(answers)) - 1]
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            if status:
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(raw))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)
            self.close_connection = True

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


GOOD = {"choices": [{"index": 0, "text": " ok", "finish_reason": "stop", "logprobs": None}]}
NOW = {"retry-after": "0"}


def says(url: str, **remote: Any) -> str:
    (found,) = Endpoint(Remote(url=url, **remote), "m").generate(["a"], Sampling(logprobs=0))
    return found.text


def test_a_busy_server_is_asked_again_and_one_that_hangs_up_too(monkeypatch):
    pauses, sleep = [], asyncio.sleep

    async def slept(seconds):
        if threading.current_thread() is not threading.main_thread():
            return await sleep(seconds)  # a server of another test
        return pauses.append(seconds)

    monkeypatch.setattr("asyncio.sleep", slept)
    later = {"retry-after": "3.5"}
    script = [(429, {}, later), (503, {}, {"retry-after": "never"}), (0, b"", {}), (200, GOOD, {})]
    with answering(*script) as (url, asked):
        assert says(url) == " ok"
    assert len(asked) == 4
    assert pauses == [3.5, 4.0, 8.0]
    with answering((429, {"error": {"message": "wait\nplease"}}, {"retry-after": "1e9"})) as (
        url,
        asked,
    ):
        busy = r"was asked 3 times and is too busy \(429: wait please\)"
        with pytest.raises(ModelError, match=busy):
            says(url, tries=3)
    assert len(asked) == 3
    assert pauses[3:] == [60.0, 60.0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (401, {"error": {"message": "no key"}}, {}),
            "answers 401: no key; give the right API key",
        ),
        (
            (404, {"detail": "Not Found"}, {}),
            "answers 404: .*Not Found.*; give the name of a model",
        ),
        ((400, {"error": "too long"}, {}), "answers 400: too long; ask otherwise"),
        ((500, b"<html>", {}), "answers 500: <html>; see the server's log"),
        ((302, b"", {"location": "/x"}), "answers 302: Found"),
        ((200, b"<html>", {}), "answers with no JSON object"),
        ((200, [1], {}), "answers with no JSON object"),
        ((200, {"choices": []}, {}), "does not answer as OpenAI's"),
        ((200, {"choices": [{"text": 5}]}, {}), "does not answer as OpenAI's"),
    ],
)
def test_what_is_no_answer_is_said_in_a_line(answer, words):
    with answering(answer) as (url, asked), pytest.raises(ModelError, match=words) as problem:
        says(url)
    assert len(asked) == 1
    assert "\n" not in str(problem.value)
    assert str(problem.value).startswith(f"{url}/completions ")


def test_a_server_that_does_not_tell_or_echo_is_understood_so():
    with answering((200, GOOD, {})) as (url, _):
        endpoint = Endpoint(Remote(url=url), "m")
        (found,) = endpoint.generate(["a"], Sampling(logprobs=0))
        assert (found.text, found.logprobs, found.ids) == (" ok", None, ())
        with pytest.raises(ModelError, match="does not echo what a text was worth; ask a server"):
            endpoint.loglikelihood([("a", "b")])


def test_offsets_may_count_from_the_prompt_and_tokens_go_on_after_the_text():
    logprobs = {
        "tokens": [" o", "k", "\n", "#", "<end>"],
        "token_logprobs": [-1.0, -2.0, -3.0, -4.0, -5.0],
        "text_offset": [7, 9, 10, 11, 12],
        "top_logprobs": None,
    }
    choice = {"index": 0, "text": " ok", "finish_reason": "stop", "logprobs": logprobs}
    with answering((200, {"choices": [choice]}, {})) as (url, asked):
        endpoint = Endpoint(Remote(url=url), "m")
        (found,) = endpoint.generate(["a"], Sampling(logprobs=0, stop=("\n#",)))
    assert (found.text, found.logprobs, found.finish) == (" ok", (-1.0, -2.0), "stop")
    assert (asked[0]["stop"], asked[0]["logprobs"]) == (["\n#"], 1)


def test_a_server_that_is_not_there_or_says_nothing_is_told_of():
    with pytest.raises(ModelError, match=r"no server at http://127.0.0.1:9/v1 .* practicum serve"):
        Endpoint.at("http://127.0.0.1:9/v1")
    for url in (
        "",
        "127.0.0.1:8000/v1",
        "ftp://x/v1",
        "http://[::1/v1",
        "http://127.0.0.1:99999/v1",
    ):
        with pytest.raises(ConfigError, match="is no server's address; expected one such as http"):
            Endpoint.at(url)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes what it is asked, and no more
        slow = Remote(url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", patience=0.5)
        with pytest.raises(ModelError, match="v1/models did not answer in 0.5 seconds; ask for"):
            slow.models()
    with pytest.raises(ConfigError, match="tries is 0"):
        Remote(url="http://x/v1", tries=0)


def test_the_only_model_is_found_and_of_several_one_must_be_named(running):
    url = f"http://{running[0]}/v1/"
    assert Endpoint.at(url).model == "tiny"
    with pytest.raises(ModelError, match="there is no model 'other' here; this server has 'tiny'"):
        list(Endpoint.at(url, model="other").generate(["a"], Sampling()))
    several = {"data": [{"id": "a"}, {"id": "b"}]}
    with answering((200, several, {})) as (here, asked):
        with pytest.raises(ConfigError, match=r"has 2 models \(a, b\); name one"):
            Endpoint.at(here)
        assert Endpoint.at(here, model="b").model == "b"
    assert len(asked) == 1
    with answering((200, {}, {})) as (here, _), pytest.raises(ModelError, match="as OpenAI's"):
        Endpoint.at(here)


def test_a_key_opens_the_server_and_is_shown_nowhere(serve):
    key = "a-long-enough-key"
    with serve(http=HttpSettings(log=print, keys=keys_of([key]))) as (address, _):
        url = f"http://{address}/v1"
        with pytest.raises(ModelError, match="answers 401: .*; give the right API key"):
            Endpoint.at(url)
        endpoint = Endpoint.at(url, key=key)
        assert key not in repr(endpoint)
        (found,) = endpoint.generate(["a"], Sampling(max_tokens=2))
        assert found.finish == "length"


def test_samplings_fit_prompts(endpoint):
    with pytest.raises(ConfigError, match="2 samplings for 1 prompts"):
        list(endpoint.generate(["a"], [Sampling(), Sampling()]))
    assert list(endpoint.generate([], Sampling())) == []
    assert endpoint.loglikelihood([]) == []
