"""`practicum align`: links of a pair file, what was left out, error rates and the page."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from practicum.cli.align import command
from practicum.data.word_links import from_pharaoh
from practicum.errors import ConfigError, DataError
from practicum.models.build import build
from practicum.models.families.bahdanau import rnnsearch
from practicum.models.translators import save_translator
from practicum.tokenizers.bytes import ByteTokenizer

BYTES = ByteTokenizer()
SOURCE = "the old cat sleeps here\n<b> & c\n"
TARGET = "Katze schläft\ngut\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files and a translator that was never trained, so it looks everywhere."""
    shape = {"source_vocab": BYTES.size, "target_vocab": BYTES.size}
    model = build(rnnsearch(**shape, embedding=4, width=6, units=3, init="bahdanau"))
    with torch.no_grad():
        model.head.bias[ord("a")] = 1.0  # all that it ever says
    save_translator(model, tmp_path / "model", source=BYTES, target=BYTES)
    (tmp_path / "a.en").write_text(SOURCE)
    (tmp_path / "b.de").write_text(TARGET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


CALL = ("--model", "model", "--source", "a.en", "--target", "b.de", "--device", "cpu")


def answer(*arguments: str):
    result = CliRunner().invoke(command, [*CALL, *arguments])
    if result.exception is not None:
        raise result.exception
    return result


def test_each_pair_has_a_line_of_links(here: Path):
    first, second = answer().stdout.splitlines()
    assert {link.target for link in from_pharaoh(first).sure} == {0, 1}
    assert {link.target for link in from_pharaoh(second).sure} == {0}
    # even weights: the longest source word has most of them
    assert first == "3-0 3-1"


def test_what_was_hardly_looked_at_is_told_with_its_line(here: Path):
    lines = answer("--least", "0.25").stderr.splitlines()
    assert lines == ["a.en line 2: '& c' was hardly looked at (0.14)"]
    assert not answer("--least", "0.25", "--span", "3").stderr
    assert "line 1: 'the old cat'" in answer("--least", "0.3").stderr


def test_links_are_judged_by_those_of_a_person(here: Path):
    (here / "gold").write_text("3-0 3-1\n0p0\n")
    assert "error 0.0000  precision 1.0000  recall 1.0000" in answer("--gold", "gold").stderr
    (here / "gold").write_text("3-0\n")
    with pytest.raises(DataError, match="gold has 1 lines for 2 pairs"):
        answer("--gold", "gold")


def test_a_program_gets_json(here: Path):
    data = json.loads(answer("--json", "--least", "0.25").stdout)
    first, second = data["sentences"]
    assert first["target"] == ["Katze", "schläft"]
    assert first["links"] == [[3, 0], [3, 1]]
    assert second["unread"] == [{"start": 1, "words": ["&", "c"], "coverage": 0.1429}]


def test_the_page_shows_words_weights_and_links_and_runs_nothing_of_the_text(here: Path):
    (here / "gold").write_text("3-0 3-1\n0p0\n")
    answer("--html", "out/page.html", "--gold", "gold", "--least", "0.25")
    page = (here / "out" / "page.html").read_text()
    assert page.count("<tr>") == 2 + 2 + 1
    assert page.count('class="sure"') == 2
    assert page.count('class="possible"') == 1
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("source missed") == 2


def test_without_a_target_the_models_own_translations_are_aligned(here: Path):
    result = CliRunner().invoke(command, [*CALL[:4], "--device", "cpu", "--json"])
    first, second = json.loads(result.stdout)["sentences"]
    assert (set(*first["target"]), set(*second["target"])) == ({"a"}, {"a"})
    assert first["links"] == [[3, 0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", ""), "which translator"),
        (("--source", ""), "which sentences"),
        (("--least", "0"), "expected above 0"),
    ],
)
def test_what_is_missing_is_asked_for(here: Path, arguments: tuple[str, ...], message: str):
    with pytest.raises(ConfigError, match=message):
        answer(*arguments)
