"""`practicum evaluate --endpoint`: a server says what the model in this process says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from loud import loud

from practicum.cli.loading import Speaker
from practicum.cli.main import run
from practicum.decoding.language_model import LanguageModel
from practicum.models.families.gpt2 import gpt2
from practicum.serving.engine import Engine
from practicum.serving.http import application
from practicum.serving.http_settings import HttpSettings
from practicum.serving.keys import keys_of
from practicum.serving.served import Served
from practicum.serving.server import Patience, Server, listening
from practicum.serving.worker import Worker
from practicum.tokenizers.bytes import ByteTokenizer

KEY = "a-long-enough-key"
PROBLEMS = [
    {
        "task_id": f"Own/{place}",
        "prompt": f'def {name}(a):\n    """Whatever follows is a comment."""\n    return 1\n#',
        "entry_point": name,
        "test": "def check(candidate):\n    assert candidate(1) == 1\n",
    }
    for place, name in enumerate(("one", "other"))
]
CODE = ["evaluate", "--task", "code", "--problems", "own.jsonl", "--max-tokens", "12"]
DRAW = ["--samples", "3", "--temperature", "0.7", "--seed", "4", "--log"]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    description = gpt2(width=16, depth=2, heads=2, vocab=257, context=256)
    return LanguageModel(loud(description, times=6.0, dtype=torch.float32), ByteTokenizer())


@pytest.fixture
def here(tmp_path: Path, model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with problems and questions, and one model for whichever is named."""
    write(tmp_path / "own.jsonl", *PROBLEMS)
    candidates = [" sat", " ran", " é"]
    write(tmp_path / "asked.jsonl", {"prefix": "the cat", "candidates": candidates, "answer": 0})
    monkeypatch.setattr(Speaker, "load", lambda self: model)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, *rows: dict) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def url(model: LanguageModel) -> Iterator[str]:
    """Where the model is served, for those who have the key."""
    worker = Worker(Engine(model))
    settings = HttpSettings(log=[].append, keys=keys_of([KEY]))
    with listening("127.0.0.1", 0) as door:
        server = Server(application(Served.of("tiny", worker), settings), worker, Patience())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}/v1"
        finally:
            server.stop()
            thread.join()
            worker.close()


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that says what follows, and nothing of tokens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            choice = {"text": " ok\n#", "finish_reason": "stop", "logprobs": None}
            raw = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def logged(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def test_programs_of_a_server_are_those_of_its_model(here, url, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    ranked = [*CODE, "--back-translation", "--json", *DRAW]
    assert run([*ranked, "there.jsonl", "--endpoint", url]) == 0
    there = json.loads(capsys.readouterr().out)
    assert run([*ranked, "here.jsonl"]) == 0
    assert {**json.loads(capsys.readouterr().out), "model": "tiny"} == there
    ours, theirs = logged(here / "here.jsonl"), logged(here / "there.jsonl")
    assert len({row["completion"] for row in theirs}) > 3
    for one, other in zip(ours, theirs, strict=True):
        for name in ("task_id", "completion", "tokens", "passed"):
            assert other[name] == one[name]
        assert other["log_probability"] == pytest.approx(one["log_probability"], abs=1e-3)


def test_questions_are_answered_by_a_server_as_by_its_model(here, url, monkeypatch, capsys):
    monkeypatch.setenv("MY_KEY", KEY)
    ask = ["evaluate", "--table", "asked.jsonl", "--json"]
    assert run([*ask, "--endpoint", url, "--api-key-from", "MY_KEY", "--model", "tiny"]) == 0
    there = json.loads(capsys.readouterr().out)
    assert run(ask) == 0
    here = json.loads(capsys.readouterr().out)
    (theirs,), (ours,) = (found["answers"] for found in (there, here))
    assert theirs["scores"] == pytest.approx(ours["scores"], abs=1e-3)
    assert (there["model"], there["accuracy"]) == ("tiny", here["accuracy"])


def test_without_log_probabilities_the_ranking_is_left_out(here, mute, capsys):
    asked = [*CODE, "--endpoint", mute, "--model", "any", "--json"]
    assert run([*asked, *DRAW, "log.jsonl"]) == 0
    found = capsys.readouterr()
    assert "what tokens were worth is not told: no ranking by log P" in found.err
    assert json.loads(found.out)["ranking"] == []
    rows = logged(here / "log.jsonl")
    assert [row["completion"] for row in rows] == [" ok"] * 6
    assert all("log_probability" not in row and row["passed"] for row in rows)
    write(here / "own.jsonl", {**PROBLEMS[0], "prompt": PROBLEMS[0]["prompt"][:-6]})
    assert run([*asked, "--back-translation"]) == 2
    assert f"{mute} does not echo what a text was worth; ask a server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*CODE, "--endpoint", "URL"), "answers 401"),
        ((*CODE, "--endpoint", "URL", "--api-key-from", "NONE"), "--api-key-from is NONE, which"),
        ((*CODE, "--endpoint", "here"), "'here' is no server's address"),
        ((*CODE, "--endpoint", "http://127.0.0.1:9/v1"), "no server at http://127.0.0.1:9/v1"),
        (("evaluate", "own.jsonl", "--endpoint", "URL"), "--endpoint goes with --task code or"),
    ],
)
def test_what_cannot_be_asked_is_refused(here, url, monkeypatch, capsys, arguments, words):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert run([url if one == "URL" else one for one in arguments]) == 2
    line = capsys.readouterr().err
    assert words in line
    assert line.count("\n") == 1
