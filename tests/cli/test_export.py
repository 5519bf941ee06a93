"""`practicum export` writes what `transformers` opens, and says the same by it."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from practicum.cli.main import practicum, run
from practicum.models.build import build
from practicum.models.families.llama import llama
from practicum.models.save import save
from practicum.tokenizers.bytes import ByteTokenizer

transformers = pytest.importorskip("transformers", reason="the folder is opened by it")


@pytest.fixture
def ours(tmp_path: Path) -> tuple[torch.nn.Module, Path]:
    shape = {"width": 24, "depth": 2, "heads": 2, "kv_heads": 1, "vocab": 257, "context": 64}
    model = build(llama(**shape, hidden=40), seed=1)
    folder = tmp_path / "ours"
    save(model, folder, tokenizer=ByteTokenizer())
    return model.eval(), folder


def test_a_model_of_ours_is_opened_with_the_same_scores(ours, tmp_path):
    model, folder = ours
    exported = tmp_path / "exported"
    result = CliRunner().invoke(
        practicum, ["export", str(folder), str(exported), "--json"], standalone_mode=False
    )
    assert json.loads(result.stdout)["architecture"] == "LlamaForCausalLM"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(exported).eval()
    ids = torch.tensor([[5, 80, 112, 3]])
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, model(ids), atol=1e-5, rtol=1e-5)
    assert transformers.AutoTokenizer.from_pretrained(exported).decode([72, 105]) == "Hi"


def test_a_file_in_the_folders_place_is_named(ours, tmp_path, capsys):
    _, folder = ours
    place = tmp_path / "taken"
    place.write_text("here")
    assert run(["export", str(folder), str(place)]) == 2
    assert f"{place} is a file; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["export", "convert"])
def test_a_model_is_not_written_over_by_accident(ours, tmp_path, capsys, verb):
    _, folder = ours
    place = tmp_path / "there"
    for call in ([verb, str(folder), str(place)], [verb, str(folder), str(folder)]):
        if call[-1] == str(place):
            assert run(call) == 0
        before = {file.name: file.read_bytes() for file in Path(call[-1]).iterdir()}
        assert run([*call, "--dtype", "float16"]) == 2
        assert "holds a model already; give --force" in capsys.readouterr().err
        assert before == {file.name: file.read_bytes() for file in Path(call[-1]).iterdir()}
    assert run([verb, str(folder), str(place), "--dtype", "float16", "--force"]) == 0
