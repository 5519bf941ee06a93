"""From a text to a tokenizer, a model, its words and its score, through the command line alone."""

import io
import json
import sys

import pytest
from click.testing import CliRunner

from practicum.cli.loading import device_called, tokenizer_called
from practicum.cli.main import practicum, run
from practicum.errors import ConfigError
from practicum.models.load import load
from practicum.models.save import save
from practicum.tokenizers.chat import ChatTemplate

SHAPE = ("--width", "16", "--depth", "1", "--heads", "2", "--context", "64", "--vocab", "300")
LEARN = ("--steps", "6", "--batch", "2", "--save-every", "2", "--evaluate-every", "3")
CHATML = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def call(*arguments, typed=""):
    """The standard output of a call that must go well."""
    arguments = [str(argument) for argument in arguments]
    result = CliRunner().invoke(practicum, arguments, input=typed, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a text and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("models")
    text = " ".join(f"word{(i * i) % 97} and the {i % 13}th thing" for i in range(4000))
    (folder / "text.txt").write_text(text, encoding="utf-8")
    call("train", folder / "text.txt", "--out", folder / "model", *SHAPE, *LEARN)
    return folder


@pytest.fixture(scope="module")
def chatty(here):
    """The same model, with a chat template."""
    loaded = load(str(here / "model"))
    template = ChatTemplate(CHATML)
    save(loaded.model, here / "chatty", tokenizer=loaded.tokenizer, chat_template=template)
    return here / "chatty"


def test_training_leaves_a_model_its_tokenizer_and_its_curves(here):
    loaded = load(str(here / "model"))
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.size == loaded.model.description.vocab == 300
    lines = (here / "model" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    points = [json.loads(line) for line in lines]
    assert {point["name"] for point in points} >= {"loss", "held_out", "rate"}


def test_training_of_another_family_with_given_bytes(here):
    shape = ("--family", "llama", *SHAPE[:-2], "--tokenizer", "bytes")
    out = here / "llama"
    row = json.loads(call("train", here / "text.txt", "--out", out, *shape, *LEARN, "--json"))[0]
    assert row["steps"] == 6
    assert row["held_out_bits_per_byte"] > 0
    assert load(str(out)).model.description.vocab == 257


def test_a_finished_run_that_is_resumed_has_nothing_left_to_do(here):
    before = (here / "model" / "model.safetensors").read_bytes()
    call("train", here / "text.txt", "--out", here / "model", *SHAPE, *LEARN, "--resume")
    assert (here / "model" / "model.safetensors").read_bytes() == before


def test_generated_text_is_the_same_for_the_same_seed(here):
    asked = ("generate", "word and", "--model", here / "model", "--max-tokens", "8")
    assert call(*asked, "--seed", "1") == call(*asked, "--seed", "1")
    assert call(*asked, "--seed", "1") != call(*asked, "--seed", "2")


def test_a_prompt_can_come_from_standard_input(here):
    asked = ("--model", here / "model", "--max-tokens", "8", "--temperature", "0")
    assert call("generate", *asked, typed="word and") == call("generate", "word and", *asked)


def test_generated_json_has_tokens_with_log_probabilities(here):
    asked = ("generate", "word", "--model", here / "model", "--max-tokens", "4", "--json")
    done = json.loads(call(*asked))
    assert done["finish"] in ("length", "end")
    assert all(token["logprob"] <= 0 for token in done["tokens"])


def test_a_chat_model_is_asked_through_its_template_unless_raw(chatty):
    asked = ("generate", "hi", "--model", chatty, "--max-tokens", "6", "--temperature", "0")
    through = call("generate", "<user>hi<assistant>", *asked[2:], "--raw")
    assert call(*asked) == through
    assert call(*asked, "--system", "be brief") != ""


def test_every_line_of_a_piped_chat_is_answered(chatty):
    asked = ("chat", "--model", chatty, "--max-tokens", "3", "--temperature", "0")
    answers = call(*asked, "--stop", "\n", typed="hi\n\nho\n")
    assert answers.count("\n") >= 2


def test_a_chat_that_outgrows_the_context_forgets_its_beginning(chatty):
    lines = "".join(f"line {i}\n" for i in range(12))
    call("chat", "--model", chatty, "--max-tokens", "4", typed=lines)


def test_a_text_is_scored(here):
    asked = ("evaluate", here / "text.txt", "--model", here / "model", "--json")
    row = json.loads(call(*asked, "--train", here / "text.txt"))[0]
    assert 0 < row["bits_per_byte"] < 8
    assert row["seen_in_training_percent"] == 100


def test_questions_are_answered(here):
    table = here / "table.jsonl"
    rows = [{"q": "word1 and", "a": [" the", " thing"], "right": " the"}] * 3
    table.write_text("\n".join(map(json.dumps, rows)))
    asked = ("evaluate", "--table", table, "--model", here / "model", "--template", "{q}")
    found = json.loads(call(*asked, "--candidates", "a", "--answer", "right", "--json"))
    assert found["questions"] == 3
    assert found["accuracy"] in (0, 1)
    assert found["guessing"] == 0.5
    assert len(found["answers"][0]["scores"]) == 2


def test_ids_of_a_text_give_the_text_back(here):
    tokenizer = here / "model" / "tokenizer.json"
    for text in ("word and the thing", "ü — <|endoftext|>"):
        ids = call("tokenize", "encode", tokenizer, text)
        assert call("tokenize", "decode", tokenizer, typed=ids) == f"{text}\n"


def test_special_tokens_are_read_where_asked(here):
    end = call("tokenize", "encode", here / "model", "<|endoftext|>", "--specials=all").strip()
    assert end == str(tokenizer_called(str(here / "model")).end)


def test_tokenizers_are_compared(here):
    given = ("tokenize", "compare", here / "text.txt", here / "model", "bytes", "--json")
    model, plain = json.loads(call(*given))
    assert plain["bytes_per_token"] == 1
    assert model["bytes_per_token"] > 2


def test_a_tokenizer_is_trained_and_saved(here):
    out = here / "own.json"
    call("tokenize", "train", here / "text.txt", "--vocab", "280", "--out", out)
    assert tokenizer_called(str(out)).size == 280


def test_models_that_can_be_loaded_are_listed():
    rows = {row["name"]: row for row in json.loads(call("models", "--json"))}
    assert rows["smollm2"]["kind"] == "asset"


def test_devices_are_named_or_refused():
    assert device_called("cpu") == "cpu"
    for name in ("tpu", "cuda:x", "cuda:99"):
        with pytest.raises(ConfigError):
            device_called(name)


@pytest.fixture
def typing(monkeypatch):
    """Lets a test say what is typed in a terminal."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def lines(*given):
        typed = iter(given)
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", lambda _: next(typed))

    return lines


def test_a_terminal_chat_ends_with_an_empty_line(typing):
    from practicum.cli import chat

    typing("hello", "")
    assert list(chat._lines()) == ["hello"]


def test_a_question_that_is_too_long_does_not_end_a_terminal_chat(chatty, typing, capsys):
    asked = ["chat", "--model", str(chatty), "--max-tokens", "4", "--temperature", "0"]
    typing("hi", "ho", "")
    assert run(asked) == 0
    plain = capsys.readouterr().out
    typing("hi", "much too long " * 50, "ho", "")
    assert run(asked) == 0
    told = capsys.readouterr()
    assert told.out == plain
    assert "context is 64; shorten the prompt" in told.err


def test_a_model_not_made_for_chats_is_refused_before_anything_is_typed(here, typing, capsys):
    typing()
    assert run(["chat", "--model", str(here / "model")]) == 2
    assert "no chat template" in capsys.readouterr().err
