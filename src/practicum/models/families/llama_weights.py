"""Weights and configurations of Llama, Mistral and Qwen2 under the names of `transformers`.

Their q, k and v are the consecutive rows of our one matrix, gate and up those of another. The three
differ in what has a bias and in how far a layer sees.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.models.foreign_config import (
    activation_name,
    defaulted,
    named_activation,
    number,
    whole,
)
from practicum.models.rope_config import read_rope, write_rope
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield from around(description)
    for layer, block in enumerate(description.stack.blocks):
        mlp = block.ffn
        assert isinstance(mlp, MLP), "checked by to_config"
        ours, theirs = f"stack.blocks.{layer}.ffn", f"model.layers.{layer}.mlp"
        for kind in ("weight", "bias") if mlp.bias else ("weight",):
            parts = (
                Part(name=f"{theirs}.gate_proj.{kind}", rows=mlp.hidden),
                Part(name=f"{theirs}.up_proj.{kind}", rows=mlp.hidden),
            )
            yield Row(f"{ours}.up.{kind}", parts)
            yield Row(f"{ours}.down.{kind}", (Part(name=f"{theirs}.down_proj.{kind}"),))


def around(description: Decoder) -> Iterator[Row]:
    """All that is not the feed-forwards', which differ between Llama's relations."""
    yield Row("embedding.weight", (Part(name="model.embed_tokens.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        ours, theirs = f"stack.blocks.{layer}", f"model.layers.{layer}"
        yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.input_layernorm.weight"),))
        after = Part(name=f"{theirs}.post_attention_layernorm.weight")
        yield Row(f"{ours}.ffn_norm.weight", (after,))
        yield from attention_rows(block.attention, description.stack.width, ours, theirs)
    yield Row("stack.final_norm.weight", (Part(name="model.norm.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def attention_rows(
    mixer: Attention, width: int, ours: str, theirs: str, out: str = "o_proj"
) -> Iterator[Row]:
    """The attention of the layers `ours` and `theirs`, which calls its last matrix `out`."""
    per_head = mixer.width_per_head(width)
    q, kv = mixer.heads * per_head, (mixer.kv_heads or mixer.heads) * per_head
    for kind in ("weight", "bias") if mixer.bias else ("weight",):
        attention = f"{theirs}.self_attn"
        parts = (
            Part(name=f"{attention}.q_proj.{kind}", rows=q),
            Part(name=f"{attention}.k_proj.{kind}", rows=kv),
            Part(name=f"{attention}.v_proj.{kind}", rows=kv),
        )
        yield Row(f"{ours}.mixer.qkv.{kind}", parts)
    out_bias = mixer.bias if mixer.out_bias is None else mixer.out_bias
    for kind in ("weight", "bias") if out_bias else ("weight",):
        yield Row(f"{ours}.mixer.out.{kind}", (Part(name=f"{theirs}.self_attn.{out}.{kind}"),))


def from_llama(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of Llama stands for."""
    bias, mlp_bias = bool(config.get("attention_bias")), bool(config.get("mlp_bias"))
    return _decoder(config, bias=bias, mlp_bias=mlp_bias)


def from_mistral(config: Mapping[str, Any]) -> Decoder:
    """The same of Mistral: no bias, and one window for every layer."""
    config = defaulted(config, _MISTRAL_DEFAULTS)
    window = config["sliding_window"] and whole(config, "sliding_window", 4096)
    return _decoder(config, windows=[window or None])


def from_qwen2(config: Mapping[str, Any]) -> Decoder:
    """The same of Qwen2: a bias on q, k and v, and a window in the layers that are told so."""
    config = defaulted(config, _QWEN2_DEFAULTS)
    depth = whole(config, "num_hidden_layers", 32)
    window = config["sliding_window"] and whole(config, "sliding_window", 4096)
    window = window if config.get("use_sliding_window") else None
    below = number(config, "max_window_layers", 28)
    kinds = config.get("layer_types") or [
        "sliding_attention" if window and layer >= below else "full_attention"
        for layer in range(depth)
    ]
    strange = sorted({str(kind) for kind in kinds} - {"sliding_attention", "full_attention"})
    if strange or len(kinds) != depth or (window is None and "sliding_attention" in kinds):
        raise ModelError(
            f"layer_types is {kinds!r} with sliding_window {window}; expected full_attention, or "
            f"sliding_attention with a window, for each of {depth} layers"
        )
    windows = [window if kind == "sliding_attention" else None for kind in kinds]
    return _decoder(config, bias=True, out_bias=False, windows=windows)


# What a configuration leaves out where it is as the original's own default.
_MISTRAL_DEFAULTS: dict[str, Any] = {
    "intermediate_size": 14_336,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131_072,
    "sliding_window": 4096,
}
_QWEN2_DEFAULTS: dict[str, Any] = {
    "vocab_size": 151_936,
    "intermediate_size": 22_016,
    "num_key_value_heads": 32,
    "max_position_embeddings": 32_768,
    "sliding_window": 4096,
}


def _decoder(
    config: Mapping[str, Any],
    *,
    bias: bool = False,
    out_bias: bool | None = None,
    mlp_bias: bool = False,
    windows: Sequence[int | None] = (None,),
) -> Decoder:
    mixer = replace(read_attention(config), bias=bias, out_bias=out_bias)
    block = Block(
        mixer=mixer,
        norm=RMSNorm(eps=number(config, "rms_norm_eps", 1e-6)),
        ffn=MLP(
            hidden=whole(config, "intermediate_size", 11_008),
            activation=named_activation(config.get("hidden_act", "silu")),
            gated=True,
            bias=mlp_bias,
        ),
    )
    blocks = tuple(replace(block, mixer=replace(mixer, window=window)) for window in windows)
    alike = len(set(windows)) == 1
    return Decoder(
        vocab=whole(config, "vocab_size", 32_000),
        context=whole(config, "max_position_embeddings", 2048),
        tied=bool(config.get("tie_word_embeddings", False)),
        stack=Stack(
            width=whole(config, "hidden_size", 4096),
            depth=whole(config, "num_hidden_layers", 32),
            block=blocks[0] if alike else blocks,
        ),
        initial=INITIAL,
    )


def read_attention(
    config: Mapping[str, Any],
    *,
    kv_heads: int | None = None,
    base: float = 10_000.0,
    share: float | None = None,
) -> Attention:
    """The attention of every layer; `kv_heads` (None: as many as heads) and `base` are defaults.

    So is `share`, the turned part of a head; None: an architecture that turns all of it.
    """
    width, heads = whole(config, "hidden_size", 4096), whole(config, "num_attention_heads", 32)
    kv_heads = whole(config, "num_key_value_heads", kv_heads or heads)
    head_width = whole(config, "head_dim", width // heads)
    return Attention(
        heads=heads,
        kv_heads=None if kv_heads == heads else kv_heads,
        head_width=None if head_width * heads == width else head_width,
        positions=read_rope(config, base, share=share),
        dropout=number(config, "attention_dropout", 0.0),
    )


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    block = description.stack.blocks[0]
    mixer, mlp = block.attention, block.ffn
    if not isinstance(mlp, MLP) or mixer.positions is None:
        raise ModelError("a block of Llama has rotary positions and a feed-forward")
    return write_around(description) | {
        "attention_bias": mixer.bias,
        "intermediate_size": mlp.hidden,
        "hidden_act": activation_name(mlp.activation),
        "mlp_bias": mlp.bias,
    }


def write_around(description: Decoder) -> dict[str, Any]:
    """The entries that are not about the feed-forward, for a network with rotary positions."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer = block.attention
    assert mixer.positions is not None, "checked by to_config"
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "num_hidden_layers": stack.depth,
        "num_attention_heads": mixer.heads,
        "num_key_value_heads": mixer.kv_heads or mixer.heads,
        "head_dim": mixer.width_per_head(stack.width),
        "attention_dropout": mixer.dropout,
        "rms_norm_eps": block.norm.eps,
        **write_rope(mixer.positions),
        "tie_word_embeddings": description.tied,
    }


def to_mistral(description: Decoder) -> dict[str, Any]:
    """The same of Mistral, whose layers have one window and no biases, without saying so."""
    window = description.stack.blocks[0].attention.window
    return _without_switches(description) | {"sliding_window": window}


def to_qwen2(description: Decoder) -> dict[str, Any]:
    """The same of Qwen2, with a window for some of the layers."""
    windows = [block.attention.window for block in description.stack.blocks]
    window = next((window for window in windows if window), None)
    return _without_switches(description) | {
        "sliding_window": window,
        "use_sliding_window": window is not None,
        "max_window_layers": next((i for i, w in enumerate(windows) if w), len(windows)),
        "layer_types": ["sliding_attention" if w else "full_attention" for w in windows],
    }


def _without_switches(description: Decoder) -> dict[str, Any]:
    switches = ("attention_bias", "mlp_bias")  # which only Llama has
    return {key: value for key, value in to_config(description).items() if key not in switches}


ROTARY_BUFFERS = (r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",)

LLAMA = Family(
    architecture="LlamaForCausalLM",
    base="LlamaModel",
    model_type="llama",
    prefix="model.",
    ignored=ROTARY_BUFFERS,
    from_config=from_llama,
    to_config=to_config,
    weights=weights,
    unread=("is_llama_config", "transformers.js_config"),  # in SmolLM's files
)
MISTRAL = replace(
    LLAMA,
    architecture="MistralForCausalLM",
    base="MistralModel",
    model_type="mistral",
    from_config=from_mistral,
    to_config=to_mistral,
    unread=(),
)
QWEN2 = replace(
    MISTRAL,
    architecture="Qwen2ForCausalLM",
    base="Qwen2Model",
    model_type="qwen2",
    from_config=from_qwen2,
    to_config=to_qwen2,
)
