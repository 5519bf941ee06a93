"""The `config.json` of released models: every entry is known, and the network has its count."""

import json
from typing import Any

import pytest

from practicum.models.build import parameters_of
from practicum.models.decoder import Decoder
from practicum.models.foreign_config import Watched
from practicum.models.hugging_face import families
from practicum.models.weight_table import Family

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "model_type": "llama",
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.40.1",
    "use_cache": True,
    "vocab_size": 32_000,
}
MISTRAL: dict[str, Any] = {
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 14_336,
    "max_position_embeddings": 32_768,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 32_000,
}
OPT: dict[str, Any] = {
    "do_layer_norm_before": True,
    "dropout": 0.1,
    "ffn_dim": 3072,
    "hidden_size": 768,
    "init_std": 0.02,
    "layerdrop": 0.0,
    "max_position_embeddings": 2048,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "use_cache": True,
    "word_embed_proj_dim": 768,
}
# Each with the number of parameters that its files hold.
RELEASED: dict[str, tuple[str, dict[str, Any], int]] = {
    "gpt2": (
        "GPT2LMHeadModel",
        {
            "activation_function": "gelu_new",
            "attn_pdrop": 0.1,
            "bos_token_id": 50_256,
            "embd_pdrop": 0.1,
            "eos_token_id": 50_256,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-05,
            "n_ctx": 1024,
            "n_embd": 768,
            "n_head": 12,
            "n_layer": 12,
            "n_positions": 1024,
            "resid_pdrop": 0.1,
            "summary_activation": None,
            "summary_first_dropout": 0.1,
            "summary_proj_to_labels": True,
            "summary_type": "cls_index",
            "summary_use_proj": True,
            "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
            "vocab_size": 50_257,
        },
        124_439_808,
    ),
    "Llama-3.2-1B": (
        "LlamaForCausalLM",
        {
            **LLAMA,
            "eos_token_id": [128_001, 128_008],
            "head_dim": 64,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "max_position_embeddings": 131_072,
            "mlp_bias": False,
            "num_attention_heads": 32,
            "num_hidden_layers": 16,
            "num_key_value_heads": 8,
            "rope_scaling": {
                "factor": 32.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192,
                "rope_type": "llama3",
            },
            "rope_theta": 500_000.0,
            "tie_word_embeddings": True,
            "vocab_size": 128_256,
        },
        1_235_814_400,
    ),
    "SmolLM2-135M-Instruct": (
        "LlamaForCausalLM",
        {
            **LLAMA,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "is_llama_config": True,
            "max_position_embeddings": 8192,
            "num_attention_heads": 9,
            "num_hidden_layers": 30,
            "num_key_value_heads": 3,
            "pad_token_id": 2,
            "rope_interleaved": False,
            "rope_theta": 100_000,
            "tie_word_embeddings": True,
            "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
            "vocab_size": 49_152,
        },
        134_515_008,
    ),
    "Mistral-7B-v0.1": (
        "MistralForCausalLM",
        {**MISTRAL, "rope_theta": 10_000.0, "sliding_window": 4096},
        7_241_732_096,
    ),
    "Mixtral-8x7B-v0.1": (
        "MixtralForCausalLM",
        {
            **MISTRAL,
            "attention_dropout": 0.0,
            "num_experts_per_tok": 2,
            "num_local_experts": 8,
            "output_router_logits": False,
            "rope_theta": 1_000_000.0,
            "router_aux_loss_coef": 0.02,
            "sliding_window": None,
        },
        46_702_792_704,
    ),
    "Qwen2.5-0.5B": (
        "Qwen2ForCausalLM",
        {
            "attention_dropout": 0.0,
            "hidden_act": "silu",
            "hidden_size": 896,
            "initializer_range": 0.02,
            "intermediate_size": 4864,
            "max_position_embeddings": 32_768,
            "max_window_layers": 24,
            "num_attention_heads": 14,
            "num_hidden_layers": 24,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-06,
            "rope_theta": 1_000_000.0,
            "sliding_window": 32_768,
            "tie_word_embeddings": True,
            "use_cache": True,
            "use_mrope": False,
            "use_sliding_window": False,
            "vocab_size": 151_936,
        },
        494_032_768,
    ),
    "mamba-130m-hf": (
        "MambaForCausalLM",
        {
            "conv_kernel": 4,
            "d_inner": 1536,
            "d_model": 768,
            "expand": 2,
            "fused_add_norm": True,
            "hidden_act": "silu",
            "hidden_size": 768,
            "initializer_range": 0.1,
            "intermediate_size": 1536,
            "layer_norm_epsilon": 1e-05,
            "n_layer": 24,
            "num_hidden_layers": 24,
            "pad_vocab_size_multiple": 8,
            "rescale_prenorm_residual": False,
            "residual_in_fp32": True,
            "rms_norm": True,
            "ssm_cfg": {},
            "state_size": 16,
            "time_step_floor": 1e-4,
            "time_step_init_scheme": "random",
            "time_step_max": 0.1,
            "time_step_min": 0.001,
            "time_step_rank": 48,
            "time_step_scale": 1.0,
            "use_bias": False,
            "use_conv_bias": True,
            "vocab_size": 50_280,
        },
        129_135_360,
    ),
    "opt-125m": (
        "OPTForCausalLM",
        {
            **OPT,
            "activation_dropout": 0.0,
            "activation_function": "relu",
            "attention_dropout": 0.0,
            "prefix": "</s>",
            "vocab_size": 50_272,
        },
        125_239_296,
    ),
    "opt-350m": (
        "OPTForCausalLM",
        {
            **OPT,
            "activation_dropout": 0.0,
            "activation_function": "relu",
            "attention_dropout": 0.0,
            "do_layer_norm_before": False,
            "ffn_dim": 4096,
            "hidden_size": 1024,
            "num_attention_heads": 16,
            "num_hidden_layers": 24,
            "prefix": "</s>",
            "vocab_size": 50_272,
            "word_embed_proj_dim": 512,
        },
        331_196_416,
    ),
    "opt-13b": (
        "OPTForCausalLM",
        {
            **OPT,
            "_remove_final_layer_norm": False,
            "activation_dropout": 0.0,
            "activation_function": "relu",
            "attention_dropout": 0.0,
            "ffn_dim": 20_480,
            "hidden_size": 5120,
            "num_attention_heads": 40,
            "num_hidden_layers": 40,
            "output_projection": True,
            "vocab_size": 50_272,
            "word_embed_proj_dim": 5120,
        },
        12_853_473_280,
    ),
    "galactica-125m": (
        "OPTForCausalLM",
        {
            **OPT,
            "_remove_final_layer_norm": False,
            "activation_function": "gelu",
            "attention_dropout": 0.1,
            "enable_bias": True,
            "layer_norm_elementwise_affine": True,
            "learned_embeddings": True,
            "scale_embeddings": False,
            "vocab_size": 50_000,
        },
        125_030_400,
    ),
    "phi-1_5": (
        "PhiForCausalLM",
        {
            "attention_dropout": 0.0,
            "embd_pdrop": 0.0,
            "hidden_act": "gelu_new",
            "hidden_size": 2048,
            "initializer_range": 0.02,
            "intermediate_size": 8192,
            "layer_norm_eps": 1e-05,
            "max_position_embeddings": 2048,
            "num_attention_heads": 32,
            "num_hidden_layers": 24,
            "num_key_value_heads": None,
            "partial_rotary_factor": 0.5,
            "qk_layernorm": False,
            "resid_pdrop": 0.0,
            "rope_scaling": None,
            "rope_theta": 10_000.0,
            "tie_word_embeddings": False,
            "vocab_size": 51_200,
        },
        1_418_270_720,
    ),
    "OLMo-1B-hf": (
        "OlmoForCausalLM",
        {
            "attention_bias": False,
            "attention_dropout": 0.0,
            "clip_qkv": None,
            "hidden_act": "silu",
            "hidden_size": 2048,
            "initializer_range": 0.02,
            "intermediate_size": 8192,
            "max_position_embeddings": 2048,
            "num_attention_heads": 16,
            "num_hidden_layers": 16,
            "num_key_value_heads": 16,
            "pretraining_tp": 1,
            "rope_scaling": None,
            "rope_theta": 10_000.0,
            "tie_word_embeddings": True,
            "vocab_size": 50_304,
        },
        1_176_764_416,
    ),
}
every = pytest.mark.parametrize("name", RELEASED)


def read(architecture: str, entries: dict[str, Any]) -> tuple[Family, Decoder]:
    """As a folder's configuration is read: an entry that nobody asked for is refused."""
    (family,) = (one for one in families() if one.architecture == architecture)
    config = Watched(entries)
    description = family.from_config(config)
    config.refuse_unread(family.unread)
    assert isinstance(description, Decoder)
    return family, description


@every
def test_every_entry_is_known_and_the_count_is_that_of_the_files(name: str):
    architecture, entries, count = RELEASED[name]
    assert parameters_of(read(architecture, entries)[1]) == count


@every
def test_what_is_written_of_it_is_read_to_the_same(name: str):
    architecture, entries, _ = RELEASED[name]
    family, description = read(architecture, entries)
    written = json.loads(json.dumps(family.to_config(description)))
    assert read(architecture, written)[1] == description


@pytest.mark.parametrize("above", [0, 1, 3])
def test_windows_of_some_layers_are_written_and_read(above: int):
    layers = {"num_hidden_layers": 3, "max_window_layers": above}
    windows = {**layers, "use_sliding_window": True, "sliding_window": 7}
    family, description = read("Qwen2ForCausalLM", windows)
    written = json.loads(json.dumps(family.to_config(description)))
    assert read("Qwen2ForCausalLM", written)[1] == description


def test_a_window_that_is_null_is_none_also_where_windows_are_on():
    entries = {"use_sliding_window": True, "sliding_window": None, "max_window_layers": 0}
    _, description = read("Qwen2ForCausalLM", entries)
    assert {block.attention.window for block in description.stack.blocks} == {None}
