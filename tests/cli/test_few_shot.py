"""`practicum few-shot`: the table of shots, prompts in a file, and what is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from practicum.cli import few_shot as verb
from practicum.cli.loading import Speaker
from practicum.decoding.language_model import LanguageModel
from practicum.errors import ConfigError, DataError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of ten rows, and a small untrained model for whichever is named."""
    lines = [f"film {n},{'good' if n % 2 else 'bad'}" for n in range(10)]
    (tmp_path / "films.csv").write_text("\n".join(["text,label", *lines]))
    model = build(gpt2(width=8, depth=1, heads=1, vocab=BYTES.size, context=96))
    monkeypatch.setattr(Speaker, "load", lambda self: LanguageModel(model, BYTES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(*arguments: str) -> Any:
    call = ["films.csv", "--template", "{text} =>", "--labels", "good|bad", *arguments, "--json"]
    result = CliRunner().invoke(verb.command, call)
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def test_every_number_of_shots_has_a_row(here: Path):
    zero, two = answer("--shots", "0,2", "--draws", "3", "--neutral", "N/A =>")
    assert (zero["shots"], zero["draws"], zero["wrong_labels"], zero["low"]) == (0, 1, None, None)
    assert (two["shots"], two["draws"], two["asked"], two["guessing"]) == (2, 3, 5, 0.5)
    assert two["low"] <= two["accuracy"] <= two["high"]
    assert {kind: len(shares) for kind, shares in two["by_draw"].items()} == {
        "right": 3,
        "wrong": 3,
        "calibrated": 3,
    }


def test_prompts_are_written_with_what_is_asked_from_another_table(here: Path):
    (here / "new.csv").write_text("text,label\nfilm 3,good\nplay,bad\n")
    answer("--shots", "4", "--draws", "2", "--asked", "new.csv", "--prompts", "prompts.jsonl")
    lines = [json.loads(line) for line in (here / "prompts.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * 2 * 2  # draws, labels, questions
    assert {line["labels"] for line in lines} == {"right", "wrong"}
    for line in lines:
        *examples, question = line["prompt"].splitlines()
        assert question in ("film 3 =>", "play =>")
        assert len(examples) == 4
        assert not any(example.startswith("film 3 ") for example in examples)
        assert line["candidates"] == [" good", " bad"]


def test_a_row_of_the_printed_table_shows_accuracy_and_interval(here: Path):
    call = ["films.csv", "--template", "{text} =>", "--labels", "good|bad", "--shots", "0,1"]
    result = CliRunner().invoke(verb.command, call)
    assert result.exit_code == 0
    assert "wrong labels" in result.stdout
    assert len(result.stdout.strip().splitlines()) == 4  # title, header, two rows


def test_what_cannot_be_is_refused_in_a_line(here: Path):
    with pytest.raises(ConfigError, match="--shots is 'few'"):
        answer("--shots", "few")
    with pytest.raises(DataError, match="5 examples that are not asked, and 8 are to be shown"):
        answer("--shots", "8")
    with pytest.raises(DataError, match="with 5 examples the longest prompt has .* reads 96"):
        answer("--shots", "5", "--task", "Is it good? " * 4)


def test_labels_are_those_of_the_table_unless_named(here: Path):
    call = ["films.csv", "--template", "{text} =>", "--shots", "0", "--prompts", "p.jsonl"]
    assert CliRunner().invoke(verb.command, call).exit_code == 0
    line = json.loads((here / "p.jsonl").read_text().splitlines()[0])
    assert line["candidates"] == [" bad", " good"]
