"""`practicum generate` with a folder of each architecture says what the original says."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from practicum.cli.main import practicum
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
