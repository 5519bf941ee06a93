"""Whatever a user gives that cannot work is answered in one line that says what to do.

The status is 2. What needs a process of its own, such as a signal or a full disk, has one.
"""

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from practicum.cli.main import run
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.transformer import transformer
from practicum.models.save import save
from practicum.models.translators import save_translator
from practicum.tokenizers.bytes import ByteTokenizer

COMMAND = (sys.executable, "-c", "from practicum.cli.main import main; main()")
TRAIN = ("--width", "16", "--depth", "1", "--heads", "2", "--context", "16", "--batch", "2")
A_MEGABYTE = 2**20


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with a home and a small model in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "home"))
    tokenizer = ByteTokenizer()
    network = gpt2(width=16, depth=1, heads=2, vocab=tokenizer.size, context=32)
    save(build(network), tmp_path / "model", tokenizer=tokenizer)
    return tmp_path


@pytest.fixture
def refused(here, capsys, monkeypatch):
    """Calls the command line and gives the one line that it answers with."""

    def call(*arguments, typed=""):
        data = typed if isinstance(typed, bytes) else typed.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr().err
        return _only_line(said, status, 2)

    return call


def _only_line(said, status, expected):
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == expected, said
    assert "Traceback" not in said
    assert errors == said.splitlines()[-1:], said
    return errors[0]


def prose(place, words=4000):
    """A text file with something to learn."""
    text = " ".join(f"word{(i * i) % 97} and the {i % 13}th thing" for i in range(words))
    place.write_text(text, encoding="utf-8")
    return place


def test_an_unknown_slug_names_the_nearest_ones(here, refused):
    for verb in ("show", "run", "report"):
        assert "did you mean gpt2" in refused(verb, "gtp2")


def test_an_unknown_option_path_names_the_fields(here, refused):
    said = refused("run", "gpt2", "--preset", "smoke", "--set", "learn.stps=3")
    assert "Budget has no 'stps'; it has steps, batch" in said


def test_a_value_of_the_wrong_type_is_named(here, refused):
    said = refused("run", "gpt2", "--preset", "smoke", "--set", "learn.steps=many")
    assert "Budget.steps is 'many'; expected a whole number" in said


@pytest.mark.parametrize("verb", [("tokenize", "train"), ("train",), ("evaluate",)])
def test_a_corpus_that_cannot_be_read_is_named(here, refused, verb):
    (here / "empty.txt").touch()
    (here / "binary.txt").write_bytes(bytes(range(256)) * 10)
    (here / "latin.txt").write_bytes("naïve".encode("latin-1"))
    (here / "folder").mkdir()
    rest = {
        ("tokenize", "train"): ("--vocab", "300"),
        ("train",): ("--out", "out"),
        ("evaluate",): ("--model", "model"),
    }[verb]
    expected = {
        "missing.txt": "no file or folder missing.txt",
        "empty.txt": "no text",
        "binary.txt": "not text",
        "latin.txt": "not UTF-8",
        "folder": "no text",
        "proze": "did you mean prose",
    }
    for name, words in expected.items():
        assert words in refused(*verb, name, *rest)


def test_a_vocabulary_larger_than_the_text_supports_is_refused(here, refused):
    (here / "short.txt").write_text("the cat sat on the mat " * 300)
    for verb in (("tokenize", "train"), ("train", "--out", "out")):
        said = refused(*verb, "short.txt", "--vocab", "5000")
        assert "ask for a smaller vocabulary" in said


def test_truncated_weights_are_named(here, refused):
    weights = here / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors" in refused("generate", "hello", "--model", "model")


def test_a_truncated_gguf_file_is_named(here, refused):
    (here / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + (5).to_bytes(8, "little") * 2)
    assert "truncated" in refused("generate", "hello", "--model", "cut.gguf")
    (here / "other.gguf").write_bytes(b"PK\x03\x04 this is a zip file")
    assert "not a GGUF file" in refused("generate", "hello", "--model", "other.gguf")


def test_an_architecture_that_is_not_built_is_named_with_those_that_are(here, refused):
    (here / "bloom").mkdir()
    config = {"architectures": ["BloomForCausalLM"], "model_type": "bloom"}
    (here / "bloom" / "config.json").write_text(json.dumps(config))
    said = refused("generate", "hello", "--model", "bloom")
    assert "BloomForCausalLM" in said
    assert "GPT2LMHeadModel" in said


def test_a_configuration_that_is_not_json_is_named(here, refused):
    (here / "model" / "config.json").write_text("{")
    assert "config.json" in refused("generate", "hello", "--model", "model")


def test_an_unknown_model_names_those_that_can_be_brought(here, refused):
    assert "smollm2" in refused("generate", "hello", "--model", "smolm2")


def test_a_prompt_longer_than_the_context_says_both_lengths(here, refused):
    said = refused("generate", "x" * 100, "--model", "model")
    assert "100 tokens" in said
    assert "context is 32" in said


def test_what_is_typed_in_another_encoding_is_refused(refused):
    latin = "a naïve text".encode("latin-1")
    for verb in (("generate", "--model", "model"), ("tokenize", "encode", "bytes")):
        assert "standard input is not UTF-8 (byte 4 is 0xef)" in refused(*verb, typed=latin)


def test_a_chat_with_a_model_that_is_not_made_for_it_is_refused(refused):
    assert "no chat template" in refused("chat", "--model", "model", typed="hello\n")


def test_sampling_out_of_range_is_refused(here, refused):
    assert "temperature" in refused("generate", "x", "--model", "model", "--temperature", "-1")
    assert "top_p" in refused("generate", "x", "--model", "model", "--top-p", "1.5")
    assert "not a valid" in refused("generate", "x", "--model", "model", "--seed", "one")


def test_a_device_that_is_not_there_is_refused(here, refused):
    assert "no device" in refused("generate", "x", "--model", "model", "--device", "tpu")


def test_a_shape_that_cannot_be_is_refused(here, refused):
    prose(here / "text.txt")
    said = refused("train", "text.txt", "--out", "out", "--width", "10", "--heads", "3")
    assert "10" in said
    assert not (here / "out").exists()


def test_a_model_that_no_memory_holds_is_refused_before_any_work(here, refused):
    prose(here / "text.txt")
    said = refused("train", "text.txt", "--out", "out", "--width", "400000", "--heads", "4")
    assert "GB to train, and this machine has" in said
    assert not (here / "out").exists()


def test_a_model_is_not_trained_over_by_accident(here, refused):
    prose(here / "text.txt")
    call = ("train", "text.txt", "--out", "out", *TRAIN, "--vocab", "300", "--steps", "2")
    assert run(call) == 0
    assert "--resume" in refused(*call)
    assert run([*call, "--force"]) == 0


def test_a_corpus_too_short_for_one_window_is_refused(here, refused):
    (here / "tiny.txt").write_text("a few words")
    refused("train", "tiny.txt", "--out", "out", "--tokenizer", "bytes", *TRAIN)


PAIRS = ("train", "--task", "translation", "--out", "out", "--context", "32", "--vocab", "300")
FILES = ("--source", "a.txt", "--target", "b.txt")


def parallel(here, **lines):
    """Two files that go together, and the lines in which they differ from that."""
    for name, word in (("a", "cow"), ("b", "Kuh")):
        rows = [f"{word} {number % 7} {number}".encode() for number in range(100)]
        for place, row in lines.get(name, {}).items():
            rows[place - 1 : place] = row
        (here / f"{name}.txt").write_bytes(b"\n".join(rows) + b"\n")


def test_parallel_files_that_do_not_fit_are_refused_with_their_lines(here, refused):
    parallel(here, b={7: []})
    assert "a.txt has 100 lines and b.txt has 99" in refused(*PAIRS, *FILES)
    parallel(here, b={7: [b""]})
    assert "b.txt line 7 is empty" in refused(*PAIRS, *FILES)
    parallel(here, a={3: ["naïve".encode("latin-1")]})
    assert "a.txt line 3 is not UTF-8 (byte 3 is 0xef)" in refused(*PAIRS, *FILES)
    parallel(here)
    assert "cannot read c.txt" in refused(*PAIRS, "--source", "a.txt", "--target", "c.txt")
    assert not (here / "out").exists()
    parallel(here, a={3: [b"a long word" * 20]})
    said = refused(*PAIRS, *FILES)
    assert "the model reads 32" in said
    assert "--longest 31" in said


def test_what_does_not_belong_to_a_task_is_refused(here, refused):
    parallel(here)
    prose(here / "text.txt")
    assert "a CORPUS alone" in refused("train", "--out", "out")
    assert "a CORPUS alone" in refused("train", "text.txt", "--out", "out", *FILES)
    assert "not from a corpus ('text.txt')" in refused(*PAIRS, "text.txt")
    assert "give --source FILE --target FILE" in refused(*PAIRS)
    assert "both --source and --target" in refused(*PAIRS, "--source", "a.txt")
    assert "give one of" in refused(*PAIRS, *FILES, "--pairs", "kjv-web")
    assert "give one of" in refused(*PAIRS, *FILES, "--table", "t.csv")
    assert "gpt2 is a family of language models" in refused(*PAIRS, *FILES, "--family", "gpt2")
    said = refused("train", "text.txt", "--out", "out", "--family", "recurrent")
    assert "recurrent is a family of translators" in said
    assert "--average is -1" in refused(*PAIRS, *FILES, "--average", "-1")
    assert "--smoothing is 1.5" in refused(*PAIRS, *FILES, "--smoothing", "1.5")
    assert "--dropout is -1.0" in refused(*PAIRS, *FILES, "--dropout", "-1")
    assert "--evaluate-every is 0" in refused(*PAIRS, *FILES, "--evaluate-every", "0")
    assert not (here / "out").exists()


@pytest.fixture
def translator(here):
    """A folder with an untrained translator of 16 bytes."""
    tokenizer = ByteTokenizer()
    network = transformer(width=16, depth=1, heads=2, vocab=tokenizer.size, context=16)
    save_translator(build(network), here / "translator", source=tokenizer, target=tokenizer)
    return "translator"


def test_lines_that_cannot_be_translated_are_refused_with_their_place(here, refused, translator):
    call = ("translate", "--model", translator)
    (here / "long.txt").write_text("short\n" + "long" * 10 + "\n")
    (here / "hole.txt").write_text("short\n\nshort\n")
    (here / "latin.txt").write_bytes("naïve\n".encode("latin-1"))
    (here / "empty.txt").touch()
    assert "long.txt line 2 has 40 tokens" in refused(*call, "--file", "long.txt")
    assert "hole.txt line 2 is empty" in refused(*call, "--file", "hole.txt")
    assert "latin.txt line 1 is not UTF-8" in refused(*call, "--file", "latin.txt")
    assert "empty.txt is empty" in refused(*call, "--file", "empty.txt")
    assert "cannot read none.txt" in refused(*call, "--file", "none.txt")
    assert "the text has 40 tokens, and the model reads 16" in refused(*call, "long" * 10)
    assert "the text is empty" in refused(*call, " ")
    latin = "a\nnaïve\n".encode("latin-1")
    assert "standard input line 2 is not UTF-8" in refused(*call, typed=latin)
    assert "standard input line 1 has 40 tokens" in refused(*call, typed="long" * 10)
    assert "standard input line 2 is empty" in refused(*call, typed="a\n\n")


def test_translating_without_what_it_takes_is_refused(here, refused, translator):
    (here / "one.txt").write_text("a\nb\n")
    (here / "two.txt").write_text("a\n")
    call = ("translate", "--model", translator, "--file", "one.txt")
    assert "two.txt has 1 lines for 2 sentences" in refused(*call, "--reference", "two.txt")
    assert "not both" in refused(*call, "a text")
    assert "Beam.width is 0" in refused(*call, "--beam", "0")
    assert "Beam.alpha is -1" in refused(*call, "--alpha", "-1")
    assert "give --model FOLDER" in refused("translate", "a text")
    assert "no folder nothing" in refused("translate", "a text", "--model", "nothing")


def test_a_translator_and_a_language_model_are_not_taken_for_each_other(refused, translator):
    assert "does not translate" in refused("translate", "a", "--model", "model")
    for verb in (("generate", "a"), ("evaluate", "prose"), ("chat",)):
        said = refused(*verb, "--model", translator)
        assert "holds a translator, expected a language model" in said


def test_a_table_of_questions_that_does_not_fit_is_refused(here, refused):
    (here / "table.jsonl").write_text('{"prefix": "a", "candidates": [" b"]}\n')
    said = refused("evaluate", "--table", "table.jsonl", "--model", "model")
    assert "row 1" in said
    assert "template" in refused("evaluate", "--table", "table.jsonl", "--template", "{prefix")
    assert "CORPUS" in refused("evaluate", "--model", "model")


def test_ids_and_tokenizers_that_are_none_are_refused(here, refused):
    assert "'x'" in refused("tokenize", "decode", "bytes", "1", "x")
    assert "id 9999" in refused("tokenize", "decode", "bytes", "9999")
    assert "no tokenizer" in refused("tokenize", "encode", "nothing.json", "x")
    (here / "broken.json").write_text('{"model": {"type": "WordPiece"}}')
    refused("tokenize", "encode", "broken.json", "x")


def test_a_home_that_cannot_be_written_is_named(here, refused, monkeypatch):
    (here / "file").touch()
    monkeypatch.setenv("PRACTICUM_HOME", str(here / "file" / "home"))
    assert "PRACTICUM_HOME" in refused("run", "gpt2", "--preset", "smoke")
    assert run(["list"]) == 0
    assert run(["show", "gpt2"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write a read-only folder")
def test_a_read_only_home_is_named(here, refused):
    (here / "home").mkdir(exist_ok=True)
    (here / "home").chmod(0o500)
    assert "PRACTICUM_HOME" in refused("run", "gpt2", "--preset", "smoke")


def full_disk():
    """From here on no file of this process grows beyond a megabyte: as much as a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (A_MEGABYTE, A_MEGABYTE))


def test_a_full_disk_while_training_is_one_line_and_leaves_no_half_model(here):
    prose(here / "text.txt")
    wide = ("--width", "256", "--depth", "1", "--heads", "2", "--context", "16", "--batch", "2")
    call = ("train", "text.txt", "--out", "out", *wide, "--tokenizer", "bytes", "--steps", "2")
    result = subprocess.run(
        [*COMMAND, *call], stderr=subprocess.PIPE, text=True, preexec_fn=full_disk
    )
    _only_line(result.stderr, result.returncode, 2)
    assert not (here / "out" / "model.safetensors").exists()
    assert not list((here / "out" / "checkpoints").glob("step-*"))


def test_a_full_device_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 2
    assert result.stderr == "error: No space left on device\n"


def test_control_c_while_training_saves_and_says_how_to_go_on(here):
    prose(here / "text.txt")
    call = [*COMMAND, "train", "text.txt", "--out", "out", *TRAIN, "--tokenizer", "bytes"]
    call += ["--steps", "100000", "--evaluate-every", "100000"]
    with subprocess.Popen(
        call, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stderr
        wait_for((here / "out" / "metrics.jsonl").exists, process)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 130
    lines = said.splitlines()
    assert "Traceback" not in said
    assert lines[-1].startswith("error: stopped by SIGINT")
    assert "--resume" in lines[-1]
    assert (here / "out" / "checkpoints" / "last.json").exists()


def wait_for(there, process, seconds=60):
    end = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, "it ended before it was interrupted"
        assert time.monotonic() < end, "it did not start in time"
        time.sleep(0.02)
