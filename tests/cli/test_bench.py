"""`practicum bench serve`: what cannot be measured is said before anything is."""

import json
from pathlib import Path

import pytest

from practicum.cli.main import run
from practicum.errors import DataError
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.save import save
from practicum.serving import stated_load
from practicum.serving.stated_load import Heard, summed
from practicum.tokenizers.bytes import ByteTokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model and its tokenizer, without a chat template."""
    network = llama(width=24, depth=2, heads=3, kv_heads=3, hidden=32, vocab=257, context=256)
    place = tmp_path_factory.mktemp("served") / "small"
    save(build(network, seed=1), place, tokenizer=ByteTokenizer())
    return str(place)


def test_a_model_is_served_measured_and_drawn(folder, tmp_path, capsys):
    load = ["--text", "--words", "8", "--tokens", "4", "--requests", "2", "--clients", "1"]
    picture = tmp_path / "load.png"
    call = ["bench", "serve", "--model", folder, *load, "--clients", "2"]
    assert run([*call, "--plot", str(picture), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["clients"], row["answers"], row["failed"]) for row in rows] == [
        (1, 2, 0),
        (2, 4, 0),
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--url", ""), "--url is ''; expected one such as http://127.0.0.1:8000/v1"),
        (("--url", "127.0.0.1:8000/v1"), "--url is '127.0.0.1:8000/v1'; expected"),
        (("--url", "ftp://127.0.0.1/v1"), "--url is 'ftp://127.0.0.1/v1'; expected"),
        (("--url", "http://"), "--url is 'http://'; expected"),
        (("--url", "http://[::1/v1"), "--url is 'http://[::1/v1'; expected"),
        (("--url", "http://127.0.0.1:99999/v1"), "--url is 'http://127.0.0.1:99999/v1'; expected"),
        (("--plot", "x.jpg"), "--plot is x.jpg; expected a .png file"),
        (("--plot", "nowhere/x.png"), "no folder nowhere to write x.png in"),
        (("--clients", "0"), "clients is 0"),
        (("--rows", "0"), "--rows is 0"),
        (("--bits", "5"), "weights of 5 bits"),
        (("--memory", "inf"), "'inf' is not a finite number"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_line(arguments, words, capsys):
    assert run(["bench", "serve", "--model", "no-such-model", *arguments]) == 2
    line = capsys.readouterr().err
    assert words in line
    assert line.count("\n") == 1


def test_a_model_that_is_not_made_for_chats_is_to_continue_a_text(folder, capsys):
    assert run(["bench", "serve", "--model", folder]) == 2
    assert f"{Path(folder)} is not made for chats; give --text" in capsys.readouterr().err


def test_what_was_measured_before_the_server_died_is_shown(monkeypatch, capsys):
    lived = []

    async def under_load(url, load, *, key):
        lived.append(load.clients)
        if len(lived) > 2:  # one load beside the first words
            raise DataError("no answer came to its end")
        heard = [Heard(client=0, asked=0.0, pieces=(0.1, 0.2), tokens=2)]
        return summed(load, 1.0, heard, url)

    monkeypatch.setattr(stated_load, "under_load", under_load)
    call = ["bench", "serve", "--url", "http://127.0.0.1:1/v1", "--clients", "1", "--clients", "2"]
    assert run([*call, "--json"]) == 2
    told = capsys.readouterr()
    assert [row["clients"] for row in json.loads(told.out)] == [1]
    assert told.err == "error: no answer came to its end\n"
