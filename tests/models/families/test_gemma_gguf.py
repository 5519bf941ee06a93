"""Gemmas in GGUF files, named by the `gguf` package, are the networks of `transformers`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from prose import PROSE

from practicum.data.fetch import locate
from practicum.errors import ModelError
from practicum.models.families.gemma import SIZES
from practicum.models.families.gemma_gguf import GEMMA3, weights
from practicum.models.gguf import GGUF, read_gguf
from practicum.models.gguf_architecture import Entries
from practicum.models.gguf_models import read_model
from practicum.models.weight_table import outgoing
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
gguf = pytest.importorskip("gguf", reason="the files are written by the `gguf` package")

SMALL: dict[str, Any] = {
    "vocab_size": 67,
    "hidden_size": 48,
    "intermediate_size": 56,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 14,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "rms_norm_eps": 1e-5,
}
OWN = {"query_pre_attn_scalar": 14, "sliding_window": 7}
LINEAR = {"rope_type": "linear", "rope_theta": 5e4, "factor": 8.0}
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gemma": ("Gemma", "gemma", {"rope_parameters": {"rope_theta": 5e4, "rope_type": "default"}}),
    "gemma2": ("Gemma2", "gemma2", {**OWN, "attn_logit_softcapping": 3.0}),
    "gemma3": ("Gemma3", "gemma3", {**OWN, "num_hidden_layers": 7}),
    "gemma3, untied": ("Gemma3", "gemma3", {**OWN, "tie_word_embeddings": False}),
    "gemma3, far positions pressed": (
        "Gemma3",
        "gemma3",
        {**OWN, "num_hidden_layers": 6, "rope_parameters": {"full_attention": LINEAR}},
    ),
}


def their_model(kind: str) -> Any:
    family, _, changes = KINDS[kind]
    text = "Text" if family == "Gemma3" else ""
    config = getattr(transformers, f"{family}{text}Config")(**SMALL | changes)
    with forked(3, "theirs"):
        model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return model


def write(path: Path, model: Any, architecture: str, **extra: Any) -> Path:
    """As llama.cpp's converter writes it."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    for name, value in (rope_entries(config) | window_entries(config, architecture)).items():
        getattr(writer, f"add_{name}")(value)
    for name, value in extra.items():
        getattr(writer, name)(value)
    kinds = {kind: number for number, kind in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], config.num_hidden_layers)
    for name, parameter in model.named_parameters():
        weight = parameter.detach() + 1.0 if "norm" in name else parameter.detach()
        theirs = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(theirs, weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def rope_entries(config: Any) -> dict[str, Any]:
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    entries: dict[str, Any] = {"rope_freq_base": rope["rope_theta"]}
    if "factor" in rope:
        kind = gguf.RopeScalingType.LINEAR
        entries |= {"rope_scaling_type": kind, "rope_scaling_factor": rope["factor"]}
    return entries


def window_entries(config: Any, architecture: str) -> dict[str, Any]:
    if architecture == "gemma":
        return {}
    entries: dict[str, Any] = {"sliding_window": config.sliding_window}
    if architecture == "gemma2":
        entries["attn_logit_softcapping"] = config.attn_logit_softcapping
        entries["final_logit_softcapping"] = config.final_logit_softcapping
    return entries


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_the_logits_of_its_source(kind: str, tmp_path: Path):
    theirs = their_model(kind)
    ours = read_model(read_gguf(write(tmp_path / "model.gguf", theirs, KINDS[kind][1])))
    ids = torch.randint(67, (2, 40), generator=stream(0, "ids"))
    with torch.no_grad():  # float32 with sums in another order
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)


def test_gains_are_stored_with_the_one_added(tmp_path: Path):
    theirs = their_model("gemma3")
    file = read_gguf(write(tmp_path / "model.gguf", theirs, "gemma3"))
    ours = read_model(file)
    mine = outgoing(ours, weights(ours.description))
    assert mine.keys() == file.tensors.keys()
    stored = theirs.model.layers[0].self_attn.q_norm.weight + 1.0
    torch.testing.assert_close(mine["blk.0.attn_q_norm.weight"], stored, atol=1e-6, rtol=0.0)


UNSUPPORTED = {
    "experts": ({"add_expert_count": 8}, "gemma3.expert_count = 8"),
    "another scaling": (
        {"add_rope_scaling_type": gguf.RopeScalingType.YARN},
        "rope.scaling.type = 'yarn'",
    ),
    "a part of each head": ({"add_rope_dimension_count": 4}, "rope.dimension_count = 4"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_built_is_named(what: str, tmp_path: Path):
    extra, words = UNSUPPORTED[what]
    path = write(tmp_path / "model.gguf", their_model("gemma3"), "gemma3", **extra)
    with pytest.raises(ModelError, match=words):
        read_model(read_gguf(path))


def test_the_largest_models_scale_scores_by_the_stream(tmp_path: Path):
    """As llama.cpp has it for 62 layers: 1/√(width / heads)."""
    file = read_gguf(write(tmp_path / "model.gguf", their_model("gemma3"), "gemma3"))
    file.metadata["gemma3.block_count"] = 62
    description = GEMMA3.describe(Entries(file.metadata, "gemma3."), file)
    assert description.stack.blocks[0].attention.scale == 12**-0.5


def gemma3() -> Path:
    path = locate("gemma3-270m")
    if path is None:
        pytest.skip("the asset is not here: `practicum data add gemma3-270m` says how")
    return path


def test_gemma3_is_the_published_size():
    file = read_gguf(gemma3())
    assert GEMMA3.description(file) == SIZES["3-270M"][0]
    norms = [tensor for name, tensor in file.tensors.items() if "norm" in name]
    assert {tensor.type for tensor in norms} == {"F32"}


def as_transformers_has_it(file: GGUF) -> Any:
    """Their network, its weights named and decoded by the `gguf` package."""
    shape = SIZES["3-270M"][0]
    config = transformers.Gemma3TextConfig(
        vocab_size=shape.vocab,
        hidden_size=640,
        intermediate_size=2048,
        num_hidden_layers=18,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        sliding_window=512,
        max_position_embeddings=shape.context,
    )
    with forked(0, "replaced below"):
        theirs = transformers.Gemma3ForCausalLM(config).eval()
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GEMMA3, 18)
    for name, parameter in theirs.named_parameters():
        tensor = file.tensors[names.get_name(name, try_suffixes=(".weight",))]
        kind = gguf.GGMLQuantizationType[tensor.type]
        values = gguf.quants.dequantize(tensor.stored.numpy(), kind).reshape(tensor.shape)
        parameter.data.copy_(torch.from_numpy(values.copy()))
        if "norm" in name:
            parameter.data -= 1.0
    return theirs


@pytest.mark.slow("two networks of 270 million numbers are decoded and read 700 tokens")
@torch.no_grad()
def test_gemma3_predicts_what_transformers_predicts():
    """Over 256 positions, most of them beyond the window of 512."""
    file = read_gguf(gemma3())
    number = {token: n for n, token in enumerate(file.metadata["tokenizer.ggml.tokens"])}
    words = [number[f"▁{word}"] for word in PROSE.split() if f"▁{word}" in number]
    ids = torch.tensor([[number["<bos>"], *5 * words][:700]])
    assert ids.shape == (1, 700)
    ours, theirs = read_model(file), as_transformers_has_it(file)
    mine = ours.logits(ours.hidden(ids)[:, -256:])
    other = theirs(ids, use_cache=False, logits_to_keep=256).logits
    agreement = (mine.argmax(-1) == other.argmax(-1)).float().mean().item()
    assert agreement >= 0.99
    torch.testing.assert_close(mine, other, atol=2e-3, rtol=1e-3)
