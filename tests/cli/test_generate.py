"""`practicum generate` with a folder of each architecture says what the original says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from practicum.cli.main import practicum, run
from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.models.families.galactica import galactica
from practicum.models.families.olmo import olmo
from practicum.models.families.opt import opt
from practicum.models.families.phi import phi
from practicum.models.hugging_face import write_folder
from practicum.seeding import stream
from practicum.tokenizers.bytes import ByteTokenizer

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

PROMPT = "In the beginning"
SHAPE: dict[str, Any] = {"width": 24, "depth": 2, "heads": 3, "vocab": 257, "context": 64}
FAMILIES: dict[str, Decoder] = {
    "opt": opt(**SHAPE),
    "opt, norms after": opt(**SHAPE, norms="after"),
    "galactica": galactica(**SHAPE, spare=2),
    "phi": phi(**SHAPE),
    "olmo": olmo(**SHAPE, hidden=40, clip=3.0),
    "olmo, tied": olmo(**SHAPE, hidden=40, tied=True),
}


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A network with nothing at zero or one, and a tokenizer of bytes."""
    model = build(FAMILIES[request.param], seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=stream(2, name))
    write_folder(model, tmp_path, tokenizer=ByteTokenizer())
    return tmp_path


def test_the_likeliest_tokens_are_those_of_the_original(folder: Path):
    asked = ("generate", PROMPT, "--model", str(folder), "--json")
    greedy = ("--temperature", "0", "--max-tokens", "12")
    result = CliRunner().invoke(practicum, [*asked, *greedy], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    given = [token["id"] for token in json.loads(result.stdout)["tokens"]]
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(PROMPT, return_tensors="pt").input_ids
    expected = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=12,
        do_sample=False,
        pad_token_id=0,
    )
    assert len(given) > 3
    assert given == expected[0, ids.shape[1] :].tolist()


# --- held to a form, and guessed


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a network whose choices depend on the text."""
    model = build(opt(**{**SHAPE, "context": 256}), seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=stream(2, name))
    path = tmp_path_factory.mktemp("loud")
    write_folder(model, path, tokenizer=ByteTokenizer())
    return str(path)


def said(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(practicum, ["generate", *arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_the_text_is_held_to_a_schema(loud: str, tmp_path: Path):
    schema = tmp_path / "schema.json"
    schema.write_text('{"enum": ["red", {"green": [1, 2]}, null]}')
    asked = (PROMPT, "--model", loud, "--json-schema", str(schema))
    status, text, _ = said(*asked, "--seed", "3")
    assert status == 0
    assert json.loads(text) in ("red", {"green": [1, 2]}, None)
    whole = json.loads(said(*asked, "--json")[1])
    assert whole["finish"] == "end"
    json.loads(whole["text"])
    cut = said(*asked, "--max-tokens", "2")
    assert cut[2] == "cut after 2 tokens; give more --max-tokens\n"


def test_the_text_is_held_to_an_expression(loud: str):
    text = said(PROMPT, "--model", loud, "--regex", "[0-9]{3}-[a-f]{2}")[1]
    assert re.fullmatch(r"[0-9]{3}-[a-f]{2}\n", text)


def test_guessing_leaves_the_text_as_it_is(loud: str):
    asked = ("to be or not to be or not to", "--model", loud, "--max-tokens", "40")
    for more in (("--temperature", "0"), ("--seed", "5")):
        assert said(*asked, *more, "--lookup") == said(*asked, *more)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--regex", "(a"), "unclosed group"),
        (("--regex", "a", "--lookup"), "exclude each other"),
        (("--json-schema", "nowhere.json"), "cannot read nowhere.json: No such file"),
        (("--json-schema", "latin.json"), "latin.json is not UTF-8"),
        (("--json-schema", "broken.json"), "the schema is no JSON"),
        (("--system", "be brief", "--raw"), "--system and --raw exclude each other"),
        (("--top-p", "nan"), "'nan' is not a finite number"),
    ],
)
def test_what_a_text_cannot_be_held_to_is_refused_before_anything_is_loaded(
    given: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    Path("latin.json").write_bytes(b'{"const": "\xe9"}')
    Path("broken.json").write_text("{")
    assert run(["generate", PROMPT, "--model", "nothing", *given]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert words in line
    assert line.count("\n") == 1


def test_instructions_that_a_model_would_not_see_are_refused(loud: str, capsys):
    assert run(["generate", PROMPT, "--model", loud, "--system", "be brief"]) == 2
    assert "has no chat template; write it into the prompt" in capsys.readouterr().err
