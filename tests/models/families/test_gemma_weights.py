"""Gemmas of `transformers`, read and written, say and learn the same here."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import Pair, assert_says_and_learns_the_same, continued, ours_of

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.decoder import Decoder
from practicum.models.families.gemma import SIZES, gemma, gemma2, gemma3
from practicum.models.foreign_config import Watched
from practicum.models.hugging_face import family_of, read_folder, write_folder
from practicum.nn.rope_scaling import Interpolated
from practicum.seeding import forked

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

VOCAB = 83
IDS = torch.arange(2 * 31).reshape(2, 31) * 37 % VOCAB
SMALL: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 44,
    "intermediate_size": 57,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 14,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "attn_implementation": "eager",
}
CAPPED = {"attn_logit_softcapping": 3.0, "final_logit_softcapping": 5.0, "sliding_window": 5}
NEAR, FAR = "sliding_attention", "full_attention"
LINEAR = {"rope_type": "linear", "rope_theta": 700.0, "factor": 3.0}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma": ("Gemma", SMALL),
    "gemma, one key head": ("Gemma", {**SMALL, "num_key_value_heads": 1, "rms_norm_eps": 1e-3}),
    "gemma, untied": ("Gemma", {**SMALL, "tie_word_embeddings": False, "head_dim": 22}),
    "gemma, biases": ("Gemma", {**SMALL, "attention_bias": True, "num_key_value_heads": 4}),
    "gemma2": ("Gemma2", {**SMALL, **CAPPED, "query_pre_attn_scalar": 5}),
    "gemma2, untied": ("Gemma2", {**SMALL, **CAPPED, "tie_word_embeddings": False}),
    "gemma2, no caps": (
        "Gemma2",
        {
            **SMALL,
            "sliding_window": 3,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": None,
            "layer_types": [FAR, NEAR, NEAR],
        },
    ),
    "gemma3": ("Gemma3", {**SMALL, "sliding_window": 5, "num_hidden_layers": 7}),
    "gemma3, untied": ("Gemma3", {**SMALL, "sliding_window": 4, "tie_word_embeddings": False}),
    "gemma3, far positions pressed": (
        "Gemma3",
        {
            **SMALL,
            "sliding_window": 6,
            "layer_types": [NEAR, FAR, NEAR],
            "query_pre_attn_scalar": 11,
            "final_logit_softcapping": 4.0,
            "num_key_value_heads": 1,
            "rope_parameters": {FAR: LINEAR, NEAR: {"rope_type": "default", "rope_theta": 50.0}},
        },
    ),
}


@pytest.fixture(scope="module", params=THEIRS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    family, entries = THEIRS[request.param]
    text = "Text" if family == "Gemma3" else ""
    config = getattr(transformers, f"{family}{text}Config")(**entries)
    with forked(3, "original"):
        theirs = getattr(transformers, f"{family}ForCausalLM")(config).eval()
        for parameter in theirs.parameters():  # gains start at one
            parameter.data += 0.1 * torch.randn(parameter.shape)
    ours = ours_of(theirs, tmp_path_factory.mktemp("theirs"))
    return Pair(f"{family}ForCausalLM", theirs, ours)


def test_logits_loss_and_gradients_are_those_of_the_original(pair: Pair):
    assert_says_and_learns_the_same(pair.ours, pair.theirs, IDS)


def test_what_is_written_is_what_the_original_class_loads_and_what_was_read(
    pair: Pair, tmp_path: Path
):
    write_folder(pair.ours, tmp_path / "ours")
    written = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert written["architectures"] == [pair.kind]
    original = getattr(transformers, pair.kind)
    again = original.from_pretrained(tmp_path / "ours", attn_implementation="eager").eval()
    with torch.no_grad():
        torch.testing.assert_close(again(IDS).logits, pair.ours(IDS), atol=1e-4, rtol=1e-4)
    read = read_folder(tmp_path / "ours")
    assert read.description == pair.ours.description
    for name, parameter in pair.ours.named_parameters():
        assert torch.equal(parameter, read.get_parameter(name)), name


def test_greedy_tokens_past_the_window_are_those_of_the_original(pair: Pair):
    rows = [IDS[0, :17].tolist(), IDS[1, :3].tolist()]
    expected = [greedy(pair.theirs, row, 12) for row in rows]
    assert continued(pair.ours, rows, 12) == expected


def greedy(theirs: Any, prompt: list[int], count: int) -> list[int]:
    """The prompt and `count` tokens more, reading all of the text every time."""
    row = list(prompt)
    with torch.no_grad():
        for _ in range(count):
            logits = theirs(torch.tensor([row]), use_cache=False).logits
            row.append(int(logits[0, -1].argmax()))
    return row


@pytest.mark.parametrize("pair", ["gemma", "gemma3"], indirect=True)
def test_in_half_precision_they_differ_by_its_rounding(pair: Pair):
    """Theirs rounds √width to bfloat16 first; the difference stays one of rounding."""
    exact = pair.ours(IDS)
    with torch.no_grad():
        half = build(pair.ours.description, seed=0, dtype=torch.bfloat16)
        half.load_state_dict(pair.ours.state_dict())
        rounded = half(IDS).float()
        other = pair.theirs.bfloat16()(IDS, use_cache=False).logits.float()
        pair.theirs.float()
    spread = exact.std()
    assert (rounded - exact).std() < 0.1 * spread
    assert (other - rounded).std() < 0.1 * spread


# The entries of the files released as gemma-2b, gemma-2-2b, gemma-3-1b-pt and gemma-3-270m that
# change what is computed, and some that do not.
COMMON = {"attention_bias": False, "attention_dropout": 0.0, "rms_norm_eps": 1e-6, "head_dim": 256}
NEW = {**COMMON, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 256}
RELEASED: dict[str, tuple[str, dict[str, Any]]] = {
    "2B": (
        "Gemma",
        {
            **COMMON,
            "hidden_act": "gelu",
            "hidden_activation": None,
            "hidden_size": 2048,
            "intermediate_size": 16_384,
            "max_position_embeddings": 8192,
            "num_attention_heads": 8,
            "num_hidden_layers": 18,
            "num_key_value_heads": 1,
            "rope_scaling": None,
            "rope_theta": 10_000.0,
            "vocab_size": 256_000,
        },
    ),
    "2-2B": (
        "Gemma2",
        {
            **NEW,
            "attn_logit_softcapping": 50.0,
            "cache_implementation": "hybrid",
            "final_logit_softcapping": 30.0,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": 2304,
            "intermediate_size": 9216,
            "max_position_embeddings": 8192,
            "num_attention_heads": 8,
            "num_hidden_layers": 26,
            "num_key_value_heads": 4,
            "rope_theta": 10_000.0,
            "sliding_window": 4096,
            "vocab_size": 256_000,
        },
    ),
    "3-1B": (
        "Gemma3",
        {
            **NEW,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": None,
            "hidden_size": 1152,
            "intermediate_size": 6912,
            "max_position_embeddings": 32_768,
            "num_attention_heads": 4,
            "num_hidden_layers": 26,
            "num_key_value_heads": 1,
            "rope_local_base_freq": 10_000,
            "rope_scaling": None,
            "rope_theta": 1_000_000,
            "sliding_window": 512,
            "sliding_window_pattern": 6,
            "vocab_size": 262_144,
        },
    ),
    "3-270M": (
        "Gemma3",
        {
            **NEW,
            "_sliding_window_pattern": 6,
            "hidden_size": 640,
            "intermediate_size": 2048,
            "layer_types": [FAR if layer % 6 == 5 else NEAR for layer in range(18)],
            "max_position_embeddings": 32_768,
            "num_attention_heads": 4,
            "num_hidden_layers": 18,
            "num_key_value_heads": 1,
            "rope_local_base_freq": 10_000.0,
            "rope_theta": 1_000_000.0,
            "sliding_window": 512,
            "use_bidirectional_attention": False,
            "vocab_size": 262_144,
        },
    ),
}


def config_of(folder: Path, family: str, entries: dict[str, Any]) -> Path:
    config = {"architectures": [f"{family}ForCausalLM"], **entries}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_configuration_is_that_of_its_size(name: str):
    family, entries = RELEASED[name]
    model_type = {"Gemma": "gemma", "Gemma2": "gemma2", "Gemma3": "gemma3_text"}[family]
    found = family_of(SIZES[name][0])
    assert found is not None
    assert found.model_type == model_type
    config = Watched(entries)
    assert found.from_config(config) == SIZES[name][0]
    config.refuse_unread(found.unread)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "both ways": ("Gemma", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    "an activation": ("Gemma2", {"hidden_activation": "mish"}, "'mish'"),
    "two activations": ("Gemma", {"hidden_activation": "silu"}, "hidden_activation 'silu'"),
    "a window for Gemma 1": ("Gemma", {"sliding_window": 5}, "sliding_window = 5"),
    "windows without one": ("Gemma2", {"sliding_window": None}, "with sliding_window None"),
    "too few layers": ("Gemma3", {"layer_types": [FAR]}, "for each of 3 layers"),
    "a kind of layer": ("Gemma3", {"layer_types": [FAR, "chunked", FAR]}, "'chunked'"),
    "capped scores": ("Gemma3", {"attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
    "one rope for all": (
        "Gemma3",
        {"rope_parameters": {"rope_theta": 9.0}},
        "rope_parameters.rope_theta = 9.0",
    ),
    "a scaling": ("Gemma3", {"rope_scaling": {"rope_type": "longrope"}}, "'longrope'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_built_is_refused_by_the_name_of_its_entry(what: str, tmp_path: Path):
    family, changes, words = REFUSED[what]
    entries = {k: v for k, v in SMALL.items() if v is not None} | changes
    with pytest.raises(ModelError, match=words):
        read_folder(config_of(tmp_path, family, entries))


SHAPE: dict[str, Any] = {"width": 24, "depth": 4, "heads": 2, "kv_heads": 1, "hidden": 40}
SHAPE |= {"head_width": 10, "vocab": VOCAB, "context": 32}
TINY = {
    "gemma": gemma(**SHAPE),
    "gemma2": gemma2(**SHAPE, window=3, query=7),
    "gemma3": gemma3(**SHAPE, window=3, every=2, scaling=Interpolated(factor=8.0), cap=9.0),
}


@pytest.mark.parametrize("name", TINY)
def test_what_is_built_here_is_written_and_read_to_the_same(name: str, tmp_path: Path):
    model = build(TINY[name], seed=1)
    assert model(IDS[:, :9]).isfinite().all()
    write_folder(model, tmp_path)
    read = read_folder(tmp_path)
    assert read.description == TINY[name]


def with_block(description: Decoder, **changes: Any) -> Decoder:
    block = replace(description.stack.blocks[0], **changes)
    return replace(description, stack=replace(description.stack, block=block))


INEXPRESSIBLE = {
    "embeddings as they are": replace(TINY["gemma"], scaled=1.0),
    "a cap for Gemma 1": replace(TINY["gemma"], cap=3.0),
    "norms on one side": with_block(TINY["gemma2"], norms="before"),
    "norms after": with_block(TINY["gemma"], norms="after"),
}


@pytest.mark.parametrize("what", INEXPRESSIBLE)
def test_what_their_configuration_cannot_say_is_not_written(what: str):
    assert family_of(INEXPRESSIBLE[what]) is None
