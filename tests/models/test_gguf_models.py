"""Networks from GGUF files: their logits are those of the same network in `transformers`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from prose import PROSE

from practicum.data.fetch import locate
from practicum.errors import CheckpointError, ModelError
from practicum.models.families.llama import SIZES
from practicum.models.gguf import read_gguf
from practicum.models.gguf_models import read_model
from practicum.seeding import forked, stream

transformers = pytest.importorskip("transformers", reason="parity is with `transformers`")
gguf = pytest.importorskip("gguf", reason="the files are written by the `gguf` package")

NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
BLOCK_NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def their_model(**changes: Any) -> Any:
    config = transformers.LlamaConfig(
        **{
            "vocab_size": 67,
            "hidden_size": 48,
            "intermediate_size": 56,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 64,
            "initializer_range": 0.2,
            "rope_theta": 5e4,
            "rms_norm_eps": 1e-5,
            **changes,
        }
    )
    with forked(3, "theirs"):
        return transformers.LlamaForCausalLM(config).eval()


def gguf_name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    part, _, kind = rest.rpartition(".")
    return f"blk.{layer}.{BLOCK_NAMES[part]}.{kind}"


def in_pairs(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from (i, i + k/2) to (2i, 2i + 1), as llama.cpp's converter moves them."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, -1).transpose(1, 2).reshape(weight.shape)


def write(path: Path, model: Any, **extra: Any) -> Path:
    config = model.config
    writer = gguf.GGUFWriter(path, extra.pop("architecture", "llama"))
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    for name, value in extra.items():
        getattr(writer, name)(value)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, parameter in model.named_parameters():
        weight = parameter.detach()
        for part, count in heads.items():
            if part in name:
                weight = in_pairs(weight, count)
        writer.add_tensor(gguf_name(name), weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    "changes",
    [{}, {"tie_word_embeddings": True}, {"num_key_value_heads": 4}, {"head_dim": 20}],
    ids=["grouped heads", "tied", "full heads", "wide heads"],
)
def test_a_llama_file_gives_the_logits_of_its_source(tmp_path: Path, changes: dict[str, Any]):
    theirs = their_model(**changes)
    ours = read_model(read_gguf(write(tmp_path / "model.gguf", theirs)))
    ids = torch.randint(67, (2, 40), generator=stream(0, "ids"))
    with torch.no_grad():  # float32 with sums in another order; logits reach a few tens
        torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-5)


UNSUPPORTED = {
    "an architecture": ({"architecture": "mamba"}, "'mamba' is not built.*llama"),
    "scaled positions": (
        {"add_rope_scaling_type": gguf.RopeScalingType.YARN},
        "rope.scaling.type = 'yarn'",
    ),
    "experts": ({"add_expert_count": 8}, "llama.expert_count = 8"),
    "a part of each head": ({"add_rope_dimension_count": 4}, "rope.dimension_count = 4"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_is_not_built_is_named(tmp_path: Path, what: str):
    extra, words = UNSUPPORTED[what]
    path = write(tmp_path / "model.gguf", their_model(), **extra)
    with pytest.raises(ModelError, match=words):
        read_model(read_gguf(path))


def test_weights_that_do_not_match_the_metadata_are_refused(tmp_path: Path):
    file = read_gguf(write(tmp_path / "model.gguf", their_model()))
    del file.tensors["blk.1.ffn_up.weight"]
    with pytest.raises(CheckpointError, match="lacks 'blk.1.ffn_up.weight'"):
        read_model(file)
    file.metadata["llama.block_count"] = 1
    with pytest.raises(CheckpointError, match="holds 'blk.1"):
        read_model(file)
    file.metadata["llama.block_count"] = "one"
    with pytest.raises(ModelError, match="expected a positive whole number"):
        read_model(file)


def smollm2() -> Path:
    path = locate("smollm2")
    if path is None:
        pytest.skip("the asset is not here: `practicum data add smollm2`")
    return path


def test_smollm2_is_the_published_size():
    model = read_model(read_gguf(smollm2()))
    description, count = SIZES["smollm2-135M"]
    assert model.description == description
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.slow("transformers needs most of a minute to decode the file")
def test_smollm2_predicts_what_transformers_predicts(recwarn: pytest.WarningsRecorder):
    path = smollm2()
    ours = read_model(read_gguf(path))
    with torch.no_grad():
        tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        ids = tokenizer(PROSE * 2, return_tensors="pt").input_ids[:, :256]
        assert ids.shape == (1, 256)
        mine = ours(ids)
        theirs = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )
        other = theirs(ids).logits
    agreement = (mine.argmax(-1) == other.argmax(-1)).float().mean().item()
    assert agreement >= 0.99
    torch.testing.assert_close(mine, other, atol=1e-3, rtol=1e-3)
