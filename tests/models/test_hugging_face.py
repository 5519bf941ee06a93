"""Folders of `transformers`: theirs read by us and ours read by them give the same logits."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from practicum.errors import CheckpointError, ModelError
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.hugging_face import family_of, read_folder, write_folder
from practicum.models.safetensors_folder import WEIGHTS
from practicum.nn.positions import SinusoidalPositions
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

VOCAB = 83
LLAMA: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 48,
    "intermediate_size": 56,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,  # large enough for every part to matter
    "bos_token_id": None,
    "eos_token_id": None,
}
GPT2: dict[str, Any] = {
    "vocab_size": VOCAB,
    "n_embd": 48,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 64,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", LLAMA),
    "llama, grouped heads": ("Llama", {**LLAMA, "num_key_value_heads": 2}),
    "llama, one key-value head": ("Llama", {**LLAMA, "num_key_value_heads": 1}),
    "llama, tied": ("Llama", {**LLAMA, "tie_word_embeddings": True}),
    "llama, wide heads": ("Llama", {**LLAMA, "head_dim": 20, "num_key_value_heads": 2}),
    "llama, biases": ("Llama", {**LLAMA, "attention_bias": True, "mlp_bias": True}),
    "llama, another base and ε": ("Llama", {**LLAMA, "rope_theta": 5e5, "rms_norm_eps": 1e-3}),
    "llama, gelu": ("Llama", {**LLAMA, "hidden_act": "gelu_pytorch_tanh"}),
    "gpt2": ("GPT2", GPT2),
    "gpt2, narrow feed-forward": ("GPT2", {**GPT2, "n_inner": 40}),
    "gpt2, untied": ("GPT2", {**GPT2, "tie_word_embeddings": False}),
    "gpt2, unscaled scores": ("GPT2", {**GPT2, "scale_attn_weights": False}),
    "gpt2, relu": ("GPT2", {**GPT2, "activation_function": "relu", "layer_norm_epsilon": 1e-3}),
}
OURS = {
    "gpt2": gpt2(width=32, depth=2, heads=2, vocab=VOCAB, context=40),
    "gpt2, dropout": gpt2(width=32, depth=2, heads=2, vocab=VOCAB, context=40, dropout=0.1),
    "llama": llama(width=32, depth=2, heads=2, vocab=VOCAB, hidden=40),
    "llama, grouped and tied": llama(
        width=32, depth=1, heads=4, kv_heads=2, vocab=VOCAB, hidden=40, base=1e5, tied=True
    ),
}


def their_model(name: str) -> Any:
    family, fields = THEIRS[name]
    config = getattr(transformers, f"{family}Config")(**fields)
    kind = "LlamaForCausalLM" if family == "Llama" else "GPT2LMHeadModel"
    with forked(3, name):
        model = getattr(transformers, kind)(config).eval()
        for parameter in model.parameters():  # biases and gains start as zeros and ones
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def randomised(description: Decoder) -> DecoderModel:
    """Our network with nothing at zero or one, so that a swapped tensor shows."""
    model = build(description, seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=stream(2, name))
            parameter += 0.1 * noise
    return model


def some_ids() -> torch.Tensor:
    return torch.randint(VOCAB, (2, 33), generator=stream(0, "ids"))


@torch.no_grad()
def assert_same_logits(ours: DecoderModel, theirs: Any) -> None:
    ids = some_ids()
    # Both compute in float32 but order their sums differently; logits here reach a few tens.
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-5)


def assert_same_weights(one: DecoderModel, other: DecoderModel) -> None:
    mine, theirs = dict(one.named_parameters()), dict(other.named_parameters())
    assert mine.keys() == theirs.keys()
    for name, parameter in mine.items():
        assert torch.equal(parameter, theirs[name]), name


@pytest.mark.parametrize("name", THEIRS)
def test_their_models_give_their_logits_here_and_ours_give_ours_there(name: str, tmp_path: Path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = read_folder(tmp_path / "theirs")
    assert_same_logits(ours, theirs)
    write_folder(ours, tmp_path / "ours")
    assert_same_logits(ours, type(theirs).from_pretrained(tmp_path / "ours"))


@pytest.mark.parametrize("name", OURS)
def test_ours_to_theirs_to_ours_changes_no_bit(name: str, tmp_path: Path):
    model = randomised(OURS[name])
    write_folder(model, tmp_path / "a", max_shard_bytes=5000)
    again = read_folder(tmp_path / "a")
    assert again.description == model.description
    assert_same_weights(model, again)
    kind = "LlamaForCausalLM" if "llama" in name else "GPT2LMHeadModel"
    getattr(transformers, kind).from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "b")
    assert_same_weights(model, read_folder(tmp_path / "b"))


def test_precision_is_kept_or_chosen(tmp_path: Path):
    write_folder(build(OURS["llama"], dtype=torch.bfloat16), tmp_path / "half")
    assert {p.dtype for p in read_folder(tmp_path / "half").parameters()} == {torch.bfloat16}
    wide = read_folder(tmp_path / "half", dtype=torch.float32)
    assert {p.dtype for p in wide.parameters()} == {torch.float32}


def test_a_body_saved_without_its_head_is_read(tmp_path: Path):
    theirs = their_model("gpt2")
    theirs.transformer.save_pretrained(tmp_path)
    assert_same_logits(read_folder(tmp_path), theirs)


def edited(folder: Path, **changes: Any) -> Path:
    write_folder(randomised(OURS["llama"]), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


UNSUPPORTED = {
    "an architecture": ({"architectures": ["FalconModel"]}, "FalconModel.*GPT2LM.*Llama"),
    "a head of another kind": (
        {"architectures": ["LlamaForSequenceClassification"]},
        "LlamaForSequenceClassification",
    ),
    "scaled positions": ({"rope_parameters": {"rope_type": "llama3", "factor": 8}}, "'llama3'"),
    "scaled positions as once": (
        {"rope_parameters": None, "rope_scaling": {"type": "longrope", "factor": 2}},
        "'longrope'",
    ),
    "partial rotation": ({"partial_rotary_factor": 0.5}, "a part of each head"),
    "an activation": ({"hidden_act": "mish"}, "'mish'.*silu"),
    "quantised weights": ({"quantization_config": {"bits": 4}}, "quantised"),
    "a size that is no number": ({"hidden_size": "wide"}, "hidden_size is 'wide'"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_built_is_named(what: str, tmp_path: Path):
    changes, words = UNSUPPORTED[what]
    with pytest.raises(ModelError, match=words):
        read_folder(edited(tmp_path / "model", **changes))


MISMATCHED = {
    "another depth": ({"num_hidden_layers": 1}, "holds 'model.layers.1"),
    "more depth": ({"num_hidden_layers": 3}, "lacks 'model.layers.2"),
    "another width": ({"intermediate_size": 41}, "has the shape"),
    "other heads": ({"num_key_value_heads": 1}, "has the shape"),
    "biases that are not there": ({"mlp_bias": True}, "lacks 'model.layers.0.mlp.down_proj.bias'"),
}


@pytest.mark.parametrize("what", MISMATCHED)
def test_weights_of_another_model_are_refused(what: str, tmp_path: Path):
    changes, words = MISMATCHED[what]
    with pytest.raises(CheckpointError, match=words):
        read_folder(edited(tmp_path / "model", **changes))


def test_older_configurations_are_read(tmp_path: Path):
    folder = edited(tmp_path / "model", rope_parameters=None, rope_scaling=None, rope_theta=7e4)
    positions = read_folder(folder).description.stack.blocks[0].mixer.positions
    assert positions is not None
    assert positions.base == 7e4


def change_block(**changes: Any) -> Callable[[Decoder], Decoder]:
    def changed(description: Decoder) -> Decoder:
        block = replace(description.stack.blocks[0], **changes)
        return replace(description, stack=replace(description.stack, block=block))

    return changed


INEXPRESSIBLE: dict[str, Callable[[Decoder], Decoder]] = {
    "fixed positions": lambda d: replace(d, positions=SinusoidalPositions()),
    "no feed-forward": change_block(ffn=None),
    "a window": change_block(mixer=replace(OURS["gpt2"].stack.blocks[0].mixer, window=4)),
    "no last norm": lambda d: replace(d, stack=replace(d.stack, final_norm=False)),
}


@pytest.mark.parametrize("what", INEXPRESSIBLE)
def test_what_their_configuration_cannot_say_is_not_written(what: str, tmp_path: Path):
    model = build(INEXPRESSIBLE[what](OURS["gpt2"]))
    assert family_of(model.description) is None
    with pytest.raises(ModelError, match="GPT2LMHeadModel: .*; LlamaForCausalLM: "):
        write_folder(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_attached_parameter_is_not_lost_in_silence(tmp_path: Path):
    model = build(OURS["gpt2"])
    model.stack.blocks[0].mixer.register_parameter("extra", torch.nn.Parameter(torch.ones(2)))
    with pytest.raises(ModelError, match=r"mixer\.extra.*merge or detach"):
        write_folder(model, tmp_path / "model")


def test_a_truncated_checkpoint_is_refused(tmp_path: Path):
    write_folder(build(OURS["gpt2"]), tmp_path / "model")
    path = tmp_path / "model" / WEIGHTS
    whole = path.read_bytes()
    for length in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_folder(tmp_path / "model")
