"""From two files of lines to a translator, and from the translator to lines."""

import json
import os
import random
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from practicum.cli.main import practicum
from practicum.cli.options import options_of
from practicum.decoding.beam import Beam
from practicum.decoding.translate import Translator
from practicum.errors import Interrupted
from practicum.events import Event, Progress, listening
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.t5 import t5_1_1
from practicum.models.save import save
from practicum.models.translators import load_translator, save_translator
from practicum.tokenizers.offset_bytes import OffsetBytes
from practicum.tokenizers.text_to_text import TextToText

WORDS = {
    "the": "die",
    "cat": "Katze",
    "mouse": "Maus",
    "cow": "Kuh",
    "old": "alte",
    "and": "und",
    "sees": "sieht",
    "likes": "mag",
    "small": "kleine",
    "goose": "Gans",
}
CALL = ("train", "--task", "translation", "--source", "a.en", "--target", "b.de", "--seed", "1")
SMALL = ("--vocab", "320", "--width", "32", "--depth", "1", "--heads", "2", "--context", "24")
LEARN = ("--batch", "256", "--rate", "5e-3", "--evaluate-every", "50", "--json")


def answer(*arguments, typed=b"", status=0):
    result = CliRunner().invoke(practicum, [str(a) for a in arguments], input=typed)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def write_pairs(folder: Path, count: int = 400) -> None:
    """Sentences such as "the old cat sees the mouse", word for word in two languages."""
    draw = random.Random(0)

    def animal() -> list[str]:
        kind = draw.choice(["cat", "mouse", "cow", "goose"])
        return ["the", *draw.choice([[], ["old"], ["small"]]), kind]

    lines = [[*animal(), draw.choice(["sees", "likes"]), *animal()] for _ in range(count)]
    (folder / "a.en").write_text("".join(" ".join(words) + "\n" for words in lines))
    said = ([WORDS[word] for word in words] for words in lines)
    (folder / "b.de").write_text("".join(" ".join(words) + "\n" for words in said))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with two files, a translator of theirs, and what training answered."""
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        call = (*CALL, "--out", "model", *SMALL, *LEARN, "--steps", "160", "--save-every", "8")
        (row,) = json.loads(answer(*call).stdout)
    return SimpleNamespace(folder=folder, row=row)


@pytest.fixture
def here(trained, monkeypatch):
    monkeypatch.chdir(trained.folder)
    return trained.folder


def test_a_translator_is_trained_averaged_and_scored(trained):
    row = trained.row
    assert row["steps"] == 160
    assert row["averaged"] == 5
    assert row["held_out_loss"] < 0.5
    assert row["bleu"] > 80 > 10 > row["bleu_of_copying"]
    assert "tok:13a" in row["signature"]
    names = {path.name for path in (trained.folder / "model").iterdir()}
    assert {"description.json", "model.safetensors", "metrics.jsonl"} < names
    steps = [int(p.name[5:]) for p in (trained.folder / "model" / "checkpoints").glob("step-*")]
    assert {128, 136, 144, 152, 160} <= set(steps)


def test_one_vocabulary_with_begin_and_end_serves_both_languages(trained):
    loaded = load_translator(trained.folder / "model")
    assert loaded.source.description() == loaded.target.description()
    assert loaded.target.size == 320
    assert loaded.target.end == loaded.target.specials["<|end|>"]
    assert loaded.target.begin == loaded.target.specials["<|begin|>"]


def test_curves_are_kept(trained):
    lines = (trained.folder / "model" / "metrics.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    assert [p["step"] for p in points if p["name"] == "held_out"] == [50, 100, 150, 160]
    rates = {p["step"]: p["value"] for p in points if p["name"] == "rate"}
    assert rates[60] == pytest.approx(5e-3 * (16 / 60) ** 0.5)  # one over the square root


def test_a_text_is_translated(here):
    said = answer("translate", "the cat sees the cow", "--model", "model").stdout
    assert said == "die Katze sieht die Kuh\n"


def test_lines_of_standard_input_stay_in_their_order(here):
    typed = b"the cat sees the cow\nthe old mouse likes the small goose\nthe cow sees the cat"
    said = answer("translate", "--model", "model", typed=typed).stdout
    assert said.splitlines() == [
        "die Katze sieht die Kuh",
        "die alte Maus mag die kleine Gans",
        "die Kuh sieht die Katze",
    ]


def test_a_file_is_scored_against_its_reference(here):
    call = ("translate", "--model", "model", "--file", "a.en", "--reference", "b.de")
    result = answer(*call, "--beam", "1")
    assert len(result.stdout.splitlines()) == 400
    assert "bleu_signature nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp" in result.stderr
    found = json.loads(answer(*call, "--beam", "1", "--bleu-words", "char", "--json").stdout)
    assert found["bleu"] > 90
    assert "tok:char" in found["bleu_signature"]


def test_hypotheses_come_with_their_scores_the_best_first(here):
    call = ("translate", "the cat sees the cow", "--model", "model", "--json", "--beam", "3")
    (row,) = json.loads(answer(*call).stdout)["translations"]
    assert row["source"] == "the cat sees the cow"
    assert row["translation"] == row["hypotheses"][0]["text"] == "die Katze sieht die Kuh"
    scores = [one["score"] for one in row["hypotheses"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    (plain,) = json.loads(answer(*call, "--alpha", "0").stdout)["translations"]
    assert plain["hypotheses"][0]["score"] == plain["hypotheses"][0]["logprob"]


def test_a_t5_of_transformers_is_asked_too(tmp_path):
    both = TextToText(OffsetBytes(), begin=0)
    model = build(t5_1_1(width=16, depth=1, heads=2, hidden=24, vocab=384), seed=4)
    save_translator(model, tmp_path / "t5", source=both, target=both)
    text = "fill in: the <extra_id_0> sees"
    call = ("translate", text, "--model", tmp_path / "t5", "--beam", "1", "--json")
    (row,) = json.loads(answer(*call).stdout)["translations"]
    (found,) = Translator(model=model, source=both, target=both).translate(
        [text], beam=Beam(width=1)
    )
    assert row["translation"] == " ".join(found.splitlines())
    save(build(gpt2(width=16, depth=1, heads=2, vocab=257, context=32)), tmp_path / "gpt2")
    said = answer("translate", text, "--model", tmp_path / "gpt2", status=1)
    assert "a language model, which does not translate" in str(said.exception)


def test_a_t5_goes_on_from_a_table_and_stays_a_folder_of_transformers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = TextToText(OffsetBytes(), begin=0)
    model = build(t5_1_1(width=16, depth=1, heads=2, hidden=24, vocab=384), seed=4)
    save_translator(model, "t5", source=both, target=both)
    rows = "".join(f"{n},{'even' if n % 2 == 0 else 'odd'}\n" for n in range(120))
    Path("numbers.csv").write_text("number,what\n" + rows)
    call = ("train", "--task", "translation", "--table", "numbers.csv", "--start", "t5")
    columns = ("--source-column", "number", "--target-column", "what", "--prefix", "parity: ")
    short = ("--steps", "8", "--average", "0", "--save-every", "2", "--evaluate-every", "2")
    (row,) = json.loads(answer(*call, *columns, *short, "--out", "tuned", "--json").stdout)
    assert (row["steps"], row["averaged"]) == (8, 1)
    assert row["held_out_loss"] == pytest.approx(best_loss(Path("tuned")), rel=1e-4)
    assert Path("tuned", "config.json").is_file()
    tuned = load_translator("tuned")
    assert isinstance(tuned.source, TextToText)
    before = dict(model.named_parameters())
    assert any(not torch.equal(p, before[n]) for n, p in tuned.model.named_parameters())
    answer("translate", "parity: 7", "--model", "tuned", "--beam", "1")


def best_loss(folder: Path) -> float:
    points = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return min(point["value"] for point in points if point["name"] == "held_out")


def test_a_start_has_its_own_tokenizer(here):
    said = answer(*CALL, "--start", "model", "--tokenizer", "bytes", "--out", "x", status=1)
    assert "has its own tokenizer" in str(said.exception)


def test_a_resumed_translator_equals_an_uninterrupted_one(here):
    call = (*CALL, *SMALL, *LEARN, "--steps", "12", "--average", "3", "--save-every", "2")
    answer(*call, "--out", "whole")

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.unit == "steps" and event.done == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with listening(stop):
        stopped = answer(*call, "--out", "cut", status=1)
    assert isinstance(stopped.exception, Interrupted)
    assert not Path("cut", "model.safetensors").exists()
    answer(*call, "--out", "cut", "--resume")
    weights = [Path(name, "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_a_recurrent_translator_is_trained_and_asked_too(here):
    shape = ("--family", "recurrent", "--width", "16", "--vocab", "300", "--longest", "24")
    row = json.loads(answer(*CALL, "--out", "rnn", *shape, *LEARN, "--steps", "3").stdout)
    assert row[0]["steps"] == 3
    assert answer("translate", "the cat", "--model", "rnn", "--beam", "2").stdout.count("\n") == 1


def test_long_pairs_are_left_out_when_asked(here):
    few = ("--steps", "1", "--longest", "6", "--tokenizer", "model", "--force")
    result = answer(*CALL, "--out", "short", *SMALL, *LEARN, *few)
    assert "left out" in result.stderr
    assert json.loads(result.stdout)[0]["pairs"] < 400


def test_a_choice_that_may_be_missing_is_an_option():
    import click

    from practicum.cli.loading import Placement

    @click.command()
    @options_of(Placement)
    def command() -> None: ...

    assert CliRunner().invoke(command, ["--dtype", "bfloat16"]).exit_code == 0
    assert CliRunner().invoke(command, ["--dtype", "int8"]).exit_code == 2
