"""`practicum serve`: who may be let in, and a whole life of the process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import openai
import pytest
from click.testing import CliRunner
from sentence_folders import plain_folder

from practicum.cli.copies import cards_of_each
from practicum.cli.main import practicum, run
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.hugging_face import write_folder
from practicum.tokenizers.bytes import ByteTokenizer

KEY = "sk-0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model and its tokenizer, without a chat template."""
    shape = {"width": 24, "depth": 2, "heads": 3, "kv_heads": 3, "hidden": 32}
    description = llama(**shape, vocab=257, context=1024)
    write_folder(build(description, seed=1), tmp_path / "small", tokenizer=ByteTokenizer())
    return tmp_path / "small"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "give --key-file"),
        (("--host", "0.0.0.0", "--key-file", "nowhere"), "No such file"),
        (("--port", "70000"), "--port 70000"),
        (("--host", "0.0.0.0", "--key-file", "latin"), "latin is not UTF-8 (byte 2)"),
        (("--max-body", "0"), "--max-body is 0"),
        (("--timeout", "0"), "--timeout is 0"),
        (("--timeout", "nan"), "'nan' is not a finite number"),
        (("--requests-per-minute", "-1"), "--requests-per-minute is -1"),
        (("--drain", "-1"), "--drain is -1"),
        (("--drain", "inf"), "'inf' is not a finite number"),
        (("--rows", "0"), "--rows is 0"),
        (("--memory", "0"), "--memory is 0"),
        (("--memory", "nan"), "'nan' is not a finite number"),
        (("--max-waiting", "0"), "--max-waiting is 0"),
        (("--bits", "0"), "weights of 0 bits; expected one of 4, 8, 16, 32"),
        (("--draft", "small", "--draft-bits", "3"), "weights of 3 bits"),
        (("--log", "."), "Is a directory"),
        (("--replicas", "0"), "--replicas 0"),
        (("--log", "no/such/folder"), "No such file"),
        (("--host", "no-such-host.invalid", "--open"), "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_said_before_a_model_is_loaded(
    arguments, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("latin").write_bytes("naïve".encode("latin-1"))
    assert run(["serve", "--model", "no-such-model", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_without_ray_several_replicas_are_refused_with_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["serve", "--model", "no-such-model", "--replicas", "2"]) == 2
    assert "pip install 'practicum[replicas]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--embedder", "no-such"), "no embedder 'no-such'; known: minilm"),
        (("--embedder", "a/b", "--model", "c/b"), "both models are called 'b'"),
        (("--embedder", "a/b", "--model", "c/d", "--name", "b"), "both models are called 'b'"),
    ],
)
def test_an_embedder_that_cannot_be_served_is_said_before_a_model_is_loaded(
    arguments, words, capsys
):
    assert run(["serve", "--port", "0", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_embedder_alone_has_no_replicas(monkeypatch, capsys):
    monkeypatch.setattr("practicum.serving.replicas.check_ray", lambda: None)
    assert run(["serve", "--embedder", "no-such", "--replicas", "2"]) == 2
    assert "--replicas copies the model that writes" in capsys.readouterr().err


def test_cards_are_shared_where_there_are_too_few(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [cards_of_each("cuda", replicas) for replicas in (1, 2, 3, 4)] == [1, 1, 0.5, 0.5]
    assert cards_of_each("cpu", 2) == cards_of_each("cuda:1", 2) == 0


def test_a_name_of_a_field_in_the_help_is_one_of_an_option():
    shown = CliRunner().invoke(practicum, ["serve", "--help"]).stdout
    for option in (
        "--key-file",
        "--max-waiting",
        "--requests-per-minute",
        "--drain",
        "--open",
        "--replicas",
    ):
        assert option in shown


def test_an_embedder_answers_beside_a_model_and_without_one(folder, tmp_path, monkeypatch):
    made = []

    def application(*given):
        made.append(given)
        return lambda: None

    monkeypatch.setattr("practicum.serving.server.Server.run", lambda server, sockets: None)
    monkeypatch.setattr("practicum.serving.http.application", application)
    vec = str(plain_folder(tmp_path / "vec"))
    monkeypatch.chdir(folder)
    for arguments in ((), ("--model", str(folder)), ("--name", "mine"), ("--model", ".")):
        assert run(["serve", "--port", "0", "--embedder", vec, *arguments]) == 0
    names = [[one and one.name for one in (served, vectors)] for served, _, vectors in made]
    assert names == [[None, "vec"], ["small", "vec"], [None, "mine"], ["small", "vec"]]
    for number in (1, 3):
        made[number][0].worker.close()


def test_a_server_answers_those_with_a_key_and_ends_when_all_is_said(folder, tmp_path):
    (tmp_path / "keys").write_text(f"me {KEY}\n")
    log = tmp_path / "log"
    arguments = ["serve", "--model", str(folder), "--port", "0", "--log", str(log)]
    keys = ["--key-file", str(tmp_path / "keys")]
    start = "import sys; from practicum.cli.main import main; main(sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", start, *arguments, *keys],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PRACTICUM_NATIVE": "0"},
    ) as process:
        try:
            said = next(line for line in process.stderr or () if "answers at" in line)
            address = said.split("answers at ")[1].split(",")[0]
            with openai.OpenAI(base_url=address, api_key=KEY, max_retries=0, timeout=30) as client:
                with pytest.raises(openai.AuthenticationError):
                    client.with_options(api_key="wrong").models.list()
                talk = [{"role": "user", "content": "hi"}]
                with pytest.raises(openai.BadRequestError, match="no chat template"):
                    client.chat.completions.create(model="small", messages=talk)
                stream = client.completions.create(
                    model="small", prompt="x", max_tokens=200, seed=3, stream=True
                )
                first = next(iter(stream))
                process.send_signal(signal.SIGTERM)
                rest = list(stream)
            assert first.choices[0].finish_reason is None
            assert rest[-1].choices[0].finish_reason in ("stop", "length")
            assert process.wait(20) == 0
        finally:
            process.kill()
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [t["status"] for t in told] == [401, 400, 200]
    assert told[2]["client"] == "me"
    assert KEY not in log.read_text()
