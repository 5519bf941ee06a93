"""`practicum look`: page, pictures and JSON; bad input is one clear line and status 2."""

import json

import pytest

from practicum.cli.main import run
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import transformer
from practicum.models.save import save
from practicum.models.translators import save_translator
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model as `train` leaves it, and as `transformers` reads it."""
    place = tmp_path_factory.mktemp("models") / "mine"
    model = build(gpt2(width=32, depth=2, heads=2, vocab=257, context=40), seed=1)
    save(model, place, tokenizer=BYTES)
    return place


def test_a_page_and_pictures_are_written(folder, tmp_path, capsys):
    assert run(["look", str(folder), "A mole.", "--out", str(tmp_path), "--steps", "3"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "index.html")
    names = {path.name for path in tmp_path.iterdir()}
    pictures = ("attention", "stream", "lens", "next", "tally")
    assert names == {"index.html", *(f"{name}.png" for name in pictures)}
    assert "Inside mine" in (tmp_path / "index.html").read_text()


def test_json_holds_the_arrays_asked_for(folder, capsys):
    asked = ["--layers", "1", "--positions", "0-2,-1", "--what", "attention,next", "--top", "2"]
    assert run(["look", str(folder), "A mole.", *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["patterns"][0]["layers"] == [1]
    assert told["patterns"][0]["positions"] == [0, 1, 2, 6]
    assert list(told["next"]) == ["0", "1", "2", "6"]
    assert len(told["next"]["0"]) == 2
    assert told["lens"] is told["tally"] is None


def test_of_a_translator_the_alignment_is_shown(tmp_path, capsys):
    shape = transformer(width=16, depth=1, heads=2, vocab=257, context=32)
    save_translator(build(shape, seed=1), tmp_path / "m", source=BYTES, target=BYTES)
    asked = ["look", str(tmp_path / "m"), "ja", "--target", "yes", "--json"]
    assert run(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["patterns"]] == ["alignment", "reading", "writing"]
    assert len(told["patterns"][0]["weights"][0][0]) == len("yes") + 1
    assert told["answers"]


def test_the_page_may_be_named(folder, tmp_path, capsys):
    page = tmp_path / "new" / "mole.html"
    assert run(["look", str(folder), "A mole.", "--out", str(page), "--what", "next"]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    assert {path.name for path in page.parent.iterdir()} == {"mole.html", "mole-next.png"}


def test_a_recurrent_translator_is_refused(tmp_path, capsys):
    shape = rnnsearch(source_vocab=257, target_vocab=257, embedding=8, width=12, units=6)
    save_translator(build(shape, seed=1), tmp_path / "m", source=BYTES, target=BYTES)
    assert run(["look", str(tmp_path / "m"), "ja"]) == 2
    assert "m is a recurrent translator" in capsys.readouterr().err


BAD = {
    "an unknown model": (["nothing-here", "text"], "no model 'nothing-here'"),
    "an empty text": (["{folder}", ""], "the text is empty"),
    "a text beyond the context": (["{folder}", "x" * 41], "a text of 41 tokens does not fit"),
    "a layer that does not exist": (["{folder}", "x", "--layers", "0,7"], "no layer 7"),
    "a position that does not exist": (["{folder}", "x", "--positions", "3"], "no position 3"),
    "layers that are no numbers": (["{folder}", "x", "--layers", "first"], "--layers is 'first'"),
    "a range downwards": (["{folder}", "x", "--layers", "3-1"], "a range goes upwards"),
    "an unknown part": (["{folder}", "x", "--what", "atention"], "no part of a look 'atention'"),
    "a temperature below 0": (["{folder}", "x", "--temperature", "-1"], "temperature is -1"),
    "a chat with no chat model": (["{folder}", "x", "--chat"], "has no chat template"),
    "a target for no translator": (["{folder}", "x", "--target", "y"], "is no translator"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line(what, folder, capsys):
    arguments, words = BAD[what]
    assert run(["look", *(one.format(folder=folder) for one in arguments)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: ")
    assert words in said[0]
