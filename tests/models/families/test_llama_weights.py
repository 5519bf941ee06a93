"""Mistral, Qwen2 and every scaling of Llama's rotary positions equal those of `transformers`."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import assert_says_and_learns_the_same, continued, ours_of

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.families.mistral import SIZES
from practicum.models.hugging_face import read_folder, write_folder

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

SMALL: dict[str, Any] = {
    "vocab_size": 83,
    "hidden_size": 44,
    "intermediate_size": 57,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "head_dim": 10,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "attn_implementation": "eager",
}


def scaled(kind: str, **entries: Any) -> tuple[str, dict[str, Any]]:
    rope = {"rope_type": kind, "rope_theta": 500.0, "factor": 3.0, **entries}
    return "Llama", {**SMALL, "hidden_size": 48, "rope_parameters": rope}


TRAINED = {"original_max_position_embeddings": 24}
LAYERS = ["full_attention", "sliding_attention", "full_attention"]
SLIDING = {"use_sliding_window": True, "sliding_window": 5}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "mistral": ("Mistral", {**SMALL, "sliding_window": 7}),
    "mistral, tied": ("Mistral", {**SMALL, "sliding_window": 4, "tie_word_embeddings": True}),
    "mistral, a window of one": ("Mistral", {**SMALL, "sliding_window": 1}),
    "qwen2": ("Qwen2", SMALL),
    "qwen2, tied": ("Qwen2", {**SMALL, "tie_word_embeddings": True}),
    "qwen2, upper windows": ("Qwen2", {**SMALL, **SLIDING, "max_window_layers": 1}),
    "qwen2, a window between": ("Qwen2", {**SMALL, **SLIDING, "layer_types": LAYERS}),
    "linear": scaled("linear"),
    "dynamic": ("Llama", {**scaled("dynamic")[1], "max_position_embeddings": 24}),
    "yarn": scaled("yarn", **TRAINED),
    "yarn, its own growth": scaled("yarn", **TRAINED, attention_factor=1.3, beta_fast=8.0),
    "yarn, two scales": scaled("yarn", **TRAINED, mscale=0.7, mscale_all_dim=1.1),
    "yarn, borders between pairs": scaled("yarn", **TRAINED, truncate=False),
    "llama3": scaled("llama3", **TRAINED, low_freq_factor=1.0, high_freq_factor=4.0),
}
IDS = torch.arange(2 * 41).reshape(2, 41) * 37 % 83


def original(case: str) -> Any:
    kind, entries = THEIRS[case]
    config = getattr(transformers, f"{kind}Config")(**entries)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
        for name, weights in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weights, std=0.3)
    return model


@pytest.mark.parametrize("case", THEIRS)
def test_logits_loss_and_gradients_are_those_of_the_original(case: str, tmp_path: Path):
    theirs = original(case)
    ours = ours_of(theirs, tmp_path)
    assert_says_and_learns_the_same(ours, theirs, IDS)


@pytest.mark.parametrize("case", THEIRS)
def test_what_is_written_is_what_the_original_class_loads(case: str, tmp_path: Path):
    ours = ours_of(original(case), tmp_path / "theirs")
    write_folder(ours, tmp_path / "ours")
    kind = f"{THEIRS[case][0]}ForCausalLM"
    written = json.loads((tmp_path / "ours" / "config.json").read_text())
    again = getattr(transformers, kind).from_pretrained(tmp_path / "ours").eval()
    assert written["architectures"] == [kind]
    with torch.no_grad():
        expected = ours.logits(ours.hidden(IDS))
        torch.testing.assert_close(again(IDS).logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", [case for case in THEIRS if "n2" in case or "mistral" in case])
def test_greedy_tokens_past_the_window_are_those_of_the_original(case: str, tmp_path: Path):
    theirs = original(case)
    ours = ours_of(theirs, tmp_path)
    prompts = [IDS[0, :17].tolist(), IDS[1, :9].tolist()]
    rows = continued(ours, prompts, 12)
    with torch.no_grad():
        for prompt, row in zip(prompts, rows, strict=True):
            ids = torch.tensor([prompt])
            expected = theirs.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=12,
                do_sample=False,
                pad_token_id=0,
                use_cache="of one" not in case,  # theirs keeps too much for a window of one
            )[0].tolist()
            assert row == expected


UNSUPPORTED = {
    "longrope": ("Llama", {"rope_parameters": {"rope_type": "longrope"}}, "'longrope'.*yarn"),
    "no factor": ("Llama", {"rope_parameters": {"rope_type": "linear"}}, "'linear' need factor"),
    "chunked layers": ("Qwen2", {"layer_types": ["chunked_attention"] * 3}, "chunked_attention"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_cannot_be_said_is_named(what: str, tmp_path: Path):
    kind, changes, words = UNSUPPORTED[what]
    config = {"architectures": [f"{kind}ForCausalLM"], **SMALL, **changes}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=words):
        read_folder(tmp_path)


def test_mistral_7b_has_its_published_count():
    description, published = SIZES["7B"]
    assert sum(p.numel() for p in build(description, device="meta").parameters()) == published
