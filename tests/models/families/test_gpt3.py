"""GPT-3: dense it is a GPT-2 of `transformers`, banded its attention is a softmax under a mask."""

from pathlib import Path

import pytest
import torch

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.gpt3 import gpt3
from practicum.models.hugging_face import read_folder, write_folder
from practicum.seeding import stream

VOCAB = 53
IDS = torch.randint(VOCAB, (2, 29), generator=stream(0, "ids"))


def test_the_dense_variant_is_a_gpt2_of_transformers(tmp_path: Path):
    transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
    model = build(gpt3(width=36, depth=3, heads=3, vocab=VOCAB, band=None, std=0.3))
    write_folder(model, tmp_path)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    assert theirs.config.n_positions == 2048
    with torch.no_grad():
        torch.testing.assert_close(model(IDS), theirs(IDS).logits, atol=1e-4, rtol=1e-4)
    assert read_folder(tmp_path).description == gpt2(
        width=36, depth=3, heads=3, vocab=VOCAB, context=2048
    )


def test_a_banded_network_is_no_gpt2(tmp_path: Path):
    model = build(gpt3(width=24, depth=2, heads=2, vocab=VOCAB, context=32, band=6))
    with pytest.raises(ModelError, match="no known architecture is this network"):
        write_folder(model, tmp_path)


@torch.no_grad()
def test_banded_attention_is_a_softmax_over_the_band():
    description = gpt3(width=24, depth=4, heads=3, vocab=VOCAB, context=64, band=6, std=0.3)
    blocks = build(description, dtype=torch.float64).stack.blocks
    x = torch.randn(2, 29, 24, dtype=torch.float64, generator=stream(0, "x"))
    place = torch.arange(29)
    back = place[:, None] - place
    for number, block in enumerate(blocks):
        seen = (back >= 0) & (back < (6 if number % 2 else 29))
        q, k, v = block.mixer.qkv(x).view(2, 29, 3, 3, 8).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-1, -2) / 8**0.5).masked_fill(~seen, -torch.inf)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        torch.testing.assert_close(block.mixer(x), block.mixer.out(mixed), atol=1e-6, rtol=0)


def test_bands_in_every_other_layer_need_an_even_depth():
    with pytest.raises(ConfigError, match="2 blocks does not divide a depth of 3"):
        gpt3(width=24, depth=3, heads=2)
