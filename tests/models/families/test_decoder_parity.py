"""OPT, Galactica, Phi and OLMo of `transformers`, read and written, say and learn the same here."""

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
from practicum.models.families import galactica, olmo, opt, phi
from practicum.models.hugging_face import family_of, read_folder, write_folder
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import SinusoidalPositions
from practicum.seeding import forked

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")

VOCAB = 83
IDS = torch.arange(2 * 41).reshape(2, 41) * 37 % VOCAB
SHAPE: dict[str, Any] = {
    "vocab_size": VOCAB,
    "num_hidden_layers": 3,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
    "attn_implementation": "eager",
}
OPT: dict[str, Any] = {
    **SHAPE,
    "hidden_size": 42,
    "num_attention_heads": 3,
    "ffn_dim": 57,
    "init_std": 0.2,  # large enough for every part to matter
}
ROTARY: dict[str, Any] = {
    **SHAPE,
    "hidden_size": 44,
    "num_attention_heads": 6,
    "head_dim": 12,
    "intermediate_size": 57,
    "initializer_range": 0.2,
}
GROUPED = {"num_key_value_heads": 3}
TRAINED = {"original_max_position_embeddings": 24}
SCALINGS: dict[str, dict[str, Any]] = {
    "linear": {},
    "dynamic": {},
    "yarn": {**TRAINED, "beta_fast": 8.0},
    "llama3": {**TRAINED, "low_freq_factor": 1.0, "high_freq_factor": 4.0},
}


def scaled(kind: str) -> dict[str, Any]:
    rope = {"rope_type": kind, "rope_theta": 500.0, "factor": 3.0, **SCALINGS[kind]}
    return {**ROTARY, "rope_parameters": rope, "max_position_embeddings": 24}


THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "opt": ("OPT", OPT),
    "opt, untied": ("OPT", {**OPT, "tie_word_embeddings": False}),
    "opt, norms after": ("OPT", {**OPT, "do_layer_norm_before": False}),
    "opt, no last norm": ("OPT", {**OPT, "_remove_final_layer_norm": True}),
    "opt, narrow": ("OPT", {**OPT, "do_layer_norm_before": False, "word_embed_proj_dim": 10}),
    "opt, narrow, untied": (
        "OPT",
        {**OPT, "word_embed_proj_dim": 10, "tie_word_embeddings": False},
    ),
    "opt, no biases": ("OPT", {**OPT, "enable_bias": False}),
    "galactica": (
        "OPT",
        {
            **OPT,
            "activation_function": "gelu",
            "enable_bias": False,
            "layer_norm_elementwise_affine": False,
        },
    ),
    "galactica, exported anew": ("OPT", {**OPT, "activation_function": "gelu"}),
    "phi": ("Phi", ROTARY),
    "phi, grouped heads": ("Phi", {**ROTARY, **GROUPED}),
    "phi, a third": ("Phi", {**ROTARY, "partial_rotary_factor": 0.34}),
    "phi, whole heads": ("Phi", {**ROTARY, "partial_rotary_factor": 1.0}),
    "phi, normed": ("Phi", {**ROTARY, "hidden_size": 72, "qk_layernorm": True}),
    "phi, another ε": ("Phi", {**ROTARY, "layer_norm_eps": 1e-3, "hidden_act": "relu"}),
    "olmo": ("Olmo", ROTARY),
    "olmo, grouped heads": ("Olmo", {**ROTARY, **GROUPED}),
    "olmo, tied and clipped": ("Olmo", {**ROTARY, "tie_word_embeddings": True, "clip_qkv": 0.9}),
    "olmo, biases": ("Olmo", {**ROTARY, "attention_bias": True, "clip_qkv": 2.5}),
    **{
        f"{family.lower()}, {kind}": (family, scaled(kind))
        for family in ("Phi", "Olmo")
        for kind in SCALINGS
    },
}


@pytest.fixture(scope="module", params=THEIRS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    family, entries = THEIRS[request.param]
    kind = f"{family}ForCausalLM"
    config = getattr(transformers, f"{family}Config")(**entries)
    with forked(3, "original"):
        theirs = getattr(transformers, kind)(config).eval()
        for parameter in theirs.parameters():  # biases and gains start as zeros and ones
            parameter.data += 0.1 * torch.randn(parameter.shape)
    ours = ours_of(theirs, tmp_path_factory.mktemp("theirs"))
    return Pair(kind, theirs, ours)


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
    assert again.config.pad_token_id is None  # or one of our tokens would count as padding
    with torch.no_grad():
        torch.testing.assert_close(again(IDS).logits, pair.ours(IDS), atol=1e-4, rtol=1e-4)
    again.save_pretrained(tmp_path / "again")
    for folder in ("ours", "again"):
        read = read_folder(tmp_path / folder)
        assert read.description == pair.ours.description
        for name, parameter in pair.ours.named_parameters():
            assert torch.equal(parameter, read.get_parameter(name)), name


def test_greedy_tokens_of_unequal_prompts_are_those_of_the_original(pair: Pair):
    # Within 24 tokens: beyond, dynamic rates turn what is read in pieces otherwise than at once.
    rows = [IDS[0, :17].tolist(), IDS[1, :9].tolist()]
    expected = [greedy(pair.theirs, row, 6) for row in rows]
    assert continued(pair.ours, rows, 6) == expected


@pytest.mark.parametrize("pair", ["opt", "olmo, tied and clipped"], indirect=True)
def test_a_body_saved_without_its_head_is_read(pair: Pair, tmp_path: Path):
    pair.theirs.model.save_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(read_folder(tmp_path)(IDS), pair.ours(IDS), atol=0, rtol=0)


def greedy(theirs: Any, prompt: list[int], count: int) -> list[int]:
    """The prompt and `count` tokens more, from their cache."""
    row, cache, ids = list(prompt), None, torch.tensor([prompt])
    with torch.no_grad():
        for _ in range(count):
            out = theirs(ids, cache=cache, use_cache=True)
            cache, ids = out.cache, out.logits[:, -1:].argmax(-1)
            row.append(int(ids))
    return row


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "scaled embeddings": ("OPT", {"scale_embeddings": True}, "sets scale_embeddings"),
    "sinusoidal positions": ("OPT", {"learned_embeddings": False}, "learned_embeddings is off"),
    "heads that do not fit": ("OPT", {"num_attention_heads": 4}, "num_attention_heads is 4"),
    "an activation": ("OPT", {"activation_function": "mish"}, "'mish'"),
    "another family's entry": ("OPT", {"head_dim": 14}, "head_dim = 14"),
    "tied logits with a bias": ("Phi", {"tie_word_embeddings": True}, "sets tie_word_embeddings"),
    "more than all of a head": (
        "Phi",
        {"partial_rotary_factor": 1.5},
        "partial_rotary_factor is 1.5",
    ),
    "no pairs": ("Phi", {"partial_rotary_factor": 0.3}, "partial_rotary_factor is 0.3.* 3 of .*12"),
    "a share of whole heads": ("Olmo", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
    "a bound of nothing": ("Olmo", {"clip_qkv": 0.0}, "clip_qkv is 0.0"),
    "a norm's ε": ("Olmo", {"rms_norm_eps": 1e-6}, "rms_norm_eps = 1e-06"),
    "a scaling": ("Olmo", {"rope_parameters": {"rope_type": "longrope"}}, "'longrope'"),
    "two scalings": (
        "Phi",
        {
            "rope_parameters": {"rope_type": "linear", "factor": 2.0},
            "rope_scaling": {"type": "linear", "factor": 3.0},
        },
        "rope_scaling and rope_parameters say different things",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_built_is_refused_by_the_name_of_its_entry(what: str, tmp_path: Path):
    kind, changes, words = REFUSED[what]
    entries = (OPT if kind == "OPT" else ROTARY) | changes
    config = {"architectures": [f"{kind}ForCausalLM"], **entries}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=words):
        read_folder(tmp_path)


def of_block(description: Decoder, **changes: Any) -> Decoder:
    block = replace(description.stack.blocks[0], **changes)
    return replace(description, stack=replace(description.stack, block=block))


SMALL: dict[str, Any] = {"width": 24, "depth": 2, "heads": 2, "vocab": VOCAB, "context": 32}
AN_OPT, A_PHI = opt.opt(**SMALL), phi.phi(**SMALL)
AN_OLMO = olmo.olmo(**SMALL, hidden=40)
INEXPRESSIBLE: dict[str, Decoder] = {
    "positions without spare ones": galactica.galactica(**SMALL),
    "sinusoidal positions": replace(AN_OPT, positions=SinusoidalPositions()),
    "a last norm after norms": replace(
        opt.opt(**SMALL, norms="after"), stack=of_block(AN_OPT, norms="after").stack
    ),
    "another ε": of_block(AN_OPT, norm=LayerNorm(eps=1e-3)),
    "blocks in sequence": of_block(A_PHI, parallel=False),
    "logits without a bias": replace(A_PHI, bias=False),
    "a cap": replace(AN_OLMO, cap=30.0),
    "norms with gains": of_block(AN_OLMO, norm=LayerNorm(eps=1e-5, bias=False)),
}


@pytest.mark.parametrize("what", INEXPRESSIBLE)
def test_what_their_configuration_cannot_say_is_not_written(what: str, tmp_path: Path):
    model = build(INEXPRESSIBLE[what])
    assert family_of(model.description) is None
    with pytest.raises(ModelError, match="no known architecture is this network"):
        write_folder(model, tmp_path / "model")


@pytest.mark.parametrize(
    "description", [AN_OPT, A_PHI, AN_OLMO, galactica.galactica(**SMALL, spare=2)]
)
def test_what_is_built_here_is_written_and_read_to_the_same(description: Decoder, tmp_path: Path):
    write_folder(build(description, seed=1), tmp_path)
    assert read_folder(tmp_path).description == description


@torch.no_grad()
def test_they_start_as_their_papers_say():
    shape: dict[str, Any] = {"width": 64, "depth": 4, "heads": 4, "vocab": 300}
    for description in (opt.opt(**shape), galactica.galactica(**shape)):
        body = build(description, seed=1)
        assert spread(body.embedding.weight) == pytest.approx(0.006, rel=0.05)
        assert spread(body.stack.blocks[0].mixer.qkv.weight) == pytest.approx(0.006, rel=0.05)
        for part in (body.stack.blocks[3].mixer.out, body.stack.blocks[0].ffn.down):
            assert spread(part.weight) == pytest.approx(0.006 / 8**0.5, rel=0.05)
    body = build(olmo.olmo(**shape, hidden=96), seed=1)
    assert spread(body.embedding.weight) == pytest.approx(1 / 8, rel=0.05)
    for layer, block in enumerate(body.stack.blocks):
        assert spread(block.ffn.up.weight) == pytest.approx(1 / 8, rel=0.05)
        for part, inputs in ((block.mixer.out, 64), (block.ffn.down, 96)):
            deviation = (2 * inputs * (layer + 1)) ** -0.5
            assert spread(part.weight) == pytest.approx(deviation, rel=0.05)


def spread(weights: torch.Tensor) -> float:
    return float(weights.std())
