"""`practicum embed`: which texts are alike, and their vectors."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from sentence_folders import CONTEXT, plain_folder

from practicum.cli.main import practicum, run
from practicum.decoding.sentence_embedder import SentenceEmbedder
from practicum.models.sentence_folder import load_sentence_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain_folder(tmp_path_factory.mktemp("vec"))


def embed(folder: Path, *arguments: str, **more: str) -> Result:
    asked = ["embed", "--model", str(folder), *arguments]
    return CliRunner().invoke(practicum, asked, catch_exceptions=False, **more)


def test_each_text_is_compared_with_each(folder):
    said = embed(folder, "a cat", "dogs!", "a cat").stdout.splitlines()
    first = said[1].split()
    assert first[:3] == ["1", "a", "cat"]
    assert (first[3], first[5]) == ("1", "1")
    assert -1 <= float(first[4]) < 1
    assert len(said) == 4


def test_of_many_texts_the_nearest_is_told(folder):
    lines = "".join(f"{letter} {letter}{letter}\n\n" for letter in "abcdefghijk") + "a aa\n"
    said = embed(folder, "--file", "-", input=lines).stdout.splitlines()
    assert said[0].split() == ["text", "nearest", "cosine"]
    assert said[1].split() == ["a", "aa", "a", "aa", "1"]
    assert len(said) == 13


def test_vectors_are_a_line_of_json_for_each_text(folder, tmp_path):
    (tmp_path / "texts").write_text("dogs!\né\n", encoding="utf-8")
    said = embed(folder, "--vectors", "a cat", "--file", str(tmp_path / "texts")).stdout
    told = [json.loads(line) for line in said.splitlines()]
    assert [one["text"] for one in told] == ["a cat", "dogs!", "é"]
    embedder = SentenceEmbedder.of(load_sentence_encoder(str(folder)))
    expected = embedder.embed(["a cat", "dogs!", "é"])
    torch.testing.assert_close(torch.tensor([one["vector"] for one in told]), expected)


def test_a_text_that_is_too_long_is_refused_or_cut(folder, capsys):
    long = "x " * CONTEXT
    assert run(["embed", "--model", str(folder), long]) == 2
    assert "does not fit this embedder, which reads 38" in capsys.readouterr().err
    assert embed(folder, long, "--cut").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which texts?"),
        (("x", "--file", "nowhere"), "cannot read nowhere: No such file"),
        (("--file", "latin"), "latin is not UTF-8 (byte 2 is 0xef)"),
        (("--file", "blank"), "blank holds no text"),
        (("x", "--model", "no-such"), "no embedder 'no-such'; known: minilm"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("latin").write_bytes("naïve".encode("latin-1"))
    Path("blank").write_text("\n \n")
    assert run(["embed", *arguments]) == 2
    assert words in capsys.readouterr().err
