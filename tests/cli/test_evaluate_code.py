"""`practicum evaluate --task code`: a model writes, a file is judged, bad input is refused."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from practicum.cli import evaluate as verb
from practicum.cli.loading import Speaker
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ConfigError, DataError, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.symbolic import sandbox
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()
ADD = {
    "task_id": "Own/0",
    "prompt": 'def add(a, b):\n    """Their sum."""\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}
ANY = {
    "task_id": "Own/1",
    "prompt": 'def any_text(a):\n    """Whatever follows is a comment."""\n    return 1\n#',
    "entry_point": "any_text",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two problems, and a small untrained model for whichever is named."""
    write(tmp_path / "own.jsonl", ADD, ANY)
    model = build(gpt2(width=8, depth=1, heads=1, vocab=BYTES.size, context=160))
    monkeypatch.setattr(Speaker, "load", lambda self: LanguageModel(model, BYTES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, *rows: dict) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def call(*arguments: str) -> Any:
    return CliRunner().invoke(verb.command, ["--task", "code", *arguments])


def answer(*arguments: str) -> Any:
    result = call(*arguments, "--json")
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def test_a_model_writes_and_every_temperature_and_k_is_told(here: Path):
    options = ["--problems", "own.jsonl", "--samples", "3", "--max-tokens", "4"]
    found = answer(*options, "--temperature", "0.2,1.0", "--k", "1,3", "--log", "log.jsonl")
    assert [(row["temperature"], row["k"]) for row in found["pass_at_k"]] == [
        (0.2, 1), (0.2, 3), (1.0, 1), (1.0, 3),
    ]  # fmt: skip
    assert {row["k"] for row in found["pass_at_k"] if row["best"]} == {1, 3}
    assert [list(row) for row in found["ranking"]] == [
        ["temperature", "n", "random", "mean log P", "sum log P", "oracle"]
    ] * 2
    rows = [json.loads(line) for line in (here / "log.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * 2 * 3 == sum(found["results"].values())
    passed = [row["passed"] for row in rows if row["task_id"] == "Own/1"]
    assert found["results"]["passed"] >= sum(passed) > 0
    assert {row["temperature"] for row in rows} == {0.2, 1.0}


def test_a_log_can_be_judged_again_and_gives_the_same(here: Path):
    options = ["--problems", "own.jsonl", "--samples", "2", "--max-tokens", "6"]
    first = answer(*options, "--temperature", "1.0", "--log", "log.jsonl")
    again = answer("--problems", "own.jsonl", "--completions", "log.jsonl")
    assert again["results"] == first["results"]
    assert again["ranking"] == []
    (before,), (after,) = first["pass_at_k"], again["pass_at_k"]
    assert after == {**before, "temperature": None}


def test_completions_of_a_file_are_judged_without_a_model(here: Path):
    right, wrong = "    return a + b", "    return a"
    lines = [{"task_id": "Own/0", "completion": text} for text in (right, wrong)]
    write(here / "said.jsonl", *lines, *[{"task_id": "Own/1", "completion": " x"}] * 2)
    found = answer("--problems", "own.jsonl", "--completions", "said.jsonl", "--k", "1,2")
    assert [row["pass_at_k"] for row in found["pass_at_k"]] == [0.75, 1.0]
    assert found["results"] == {"passed": 3, "failed": 1, "timed out": 0}
    alone = answer("--problems", "own.jsonl", "--completions", "said.jsonl", "--first", "1")
    assert (alone["problems"], alone["pass_at_k"][0]["pass_at_k"]) == (1, 0.5)
    write(here / "said.jsonl", *lines)
    with pytest.raises(ConfigError, match="no completion for 1 of 2 problems, such as Own/1"):
        answer("--problems", "own.jsonl", "--completions", "said.jsonl")


def test_a_person_reads_tables_and_what_protects_them(here: Path):
    write(here / "own.jsonl", ADD)
    options = ["--samples", "2", "--max-tokens", "4", "--back-translation"]
    result = call("--problems", "own.jsonl", *options)
    assert result.exit_code == 0, result.output
    assert "pass at k" in result.stdout
    assert "back-translation" in result.stdout
    assert "programs run as " in result.stderr
    assert "network: " in result.stderr


def test_a_system_that_cannot_shut_programs_in_is_refused_unless_forced(here: Path, monkeypatch):
    monkeypatch.setattr(sandbox, "Sandbox", partial(sandbox.Sandbox, layers=()))
    write(here / "said.jsonl", {"task_id": "Own/0", "completion": "    return a + b"})
    options = ["--problems", "own.jsonl", "--completions", "said.jsonl", "--first", "1"]
    with pytest.raises(ConfigError, match="nothing here keeps .* same with --force-sandbox"):
        answer(*options)
    result = call(*options, "--force-sandbox")
    assert result.exit_code == 0, result.output
    assert "WARNING: nothing keeps programs from network, processes, files" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which problems"),
        (["corpus", "--problems", "own.jsonl"], "neither CORPUS nor --table"),
        (["--problems", "own.jsonl", "--k", "11"], "--k is 11 with 10 samples"),
        (["--problems", "own.jsonl", "--k", "few"], "--k is 'few'; expected numbers such as 1,10"),
        (["--problems", "own.jsonl", "--temperature", "hot"], "--temperature is 'hot'"),
        (["--problems", "own.jsonl", "--temperature", "-1"], "temperature is -1.0"),
        (["--problems", "own.jsonl", "--samples", "0"], "0 samples"),
        (["--problems", "own.jsonl", "--first", "0"], "--first is 0"),
        (["--problems", "own.jsonl", "--seconds", "0"], "seconds is 0"),
        (["--problems", "own.jsonl", "--workers", "0"], "0 workers"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(here: Path, arguments, said):
    with pytest.raises(ConfigError, match=said):
        answer(*arguments)


def test_a_log_that_cannot_be_written_is_refused_before_anything_runs(here: Path):
    with pytest.raises(FileNotFoundError):  # which the command line says in a line
        answer("--problems", "own.jsonl", "--log", "nowhere/log.jsonl")


def test_a_log_is_kept_until_there_is_another(here: Path, monkeypatch):
    log = here / "log.jsonl"
    log.write_text("an evening's work\n")
    with pytest.raises(ConfigError, match="temperature is -1"):
        answer("--problems", "own.jsonl", "--log", "log.jsonl", "--temperature", "-1")

    def nothing(speaker):
        raise ModelError("no such model")

    with monkeypatch.context() as patched:
        patched.setattr(Speaker, "load", nothing)
        with pytest.raises(ModelError):
            answer("--problems", "own.jsonl", "--log", "log.jsonl")
    assert log.read_text() == "an evening's work\n"
    write(here / "said.jsonl", {"task_id": "Own/0", "completion": "    return a + b"})
    judge = ["--problems", "own.jsonl", "--first", "1", "--completions", "said.jsonl"]
    for _ in range(2):
        answer(*judge, "--log", "log.jsonl")
        assert [json.loads(line)["passed"] for line in log.read_text().splitlines()] == [True]


@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_seconds_that_are_no_number_are_refused(here: Path, seconds):
    result = call("--problems", "own.jsonl", "--seconds", seconds)
    assert result.exit_code == 2
    assert f"'{seconds}' is not a finite number" in result.stderr


def test_files_that_are_no_problems_are_refused(here: Path):
    with pytest.raises(DataError, match="cannot read .*none.jsonl"):
        answer("--problems", "none.jsonl")
    write(here / "own.jsonl", {"task_id": "x"})
    with pytest.raises(DataError, match="own.jsonl, line 1: neither 'test' nor 'test_list'"):
        answer("--problems", "own.jsonl")


def test_a_ranking_that_needs_a_docstring_is_refused_without_one(here: Path):
    write(here / "own.jsonl", {**ADD, "prompt": "def add(a, b):\n"})
    with pytest.raises(ConfigError, match="Own/0: the prompt has no docstring of add"):
        answer("--problems", "own.jsonl", "--back-translation")


def test_options_for_code_need_the_task(here: Path):
    result = CliRunner().invoke(verb.command, ["--problems", "own.jsonl"])
    assert isinstance(result.exception, ConfigError)
    assert "need --task code" in str(result.exception)
