"""Llama's weights and configuration under the names of the `transformers` library.

Their q, k and v are the consecutive rows of our one matrix, gate and up those of another. Scaled
rotary positions (linear, dynamic, YaRN, Llama 3.1's) are refused by name: they are not built.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.models.foreign_config import activation_name, named_activation, number, whole
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield Row("embedding.weight", (Part(name="model.embed_tokens.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        yield from _block(block, description.stack.width, layer)
    yield Row("stack.final_norm.weight", (Part(name="model.norm.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def _block(block: Block, width: int, layer: int) -> Iterator[Row]:
    ours, theirs = f"stack.blocks.{layer}", f"model.layers.{layer}"
    mixer, mlp = block.attention, block.ffn
    assert isinstance(mlp, MLP), "checked by to_config"
    yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.input_layernorm.weight"),))
    yield Row(f"{ours}.ffn_norm.weight", (Part(name=f"{theirs}.post_attention_layernorm.weight"),))
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
        yield Row(f"{ours}.mixer.out.{kind}", (Part(name=f"{attention}.o_proj.{kind}"),))
    for kind in ("weight", "bias") if mlp.bias else ("weight",):
        parts = (
            Part(name=f"{theirs}.mlp.gate_proj.{kind}", rows=mlp.hidden),
            Part(name=f"{theirs}.mlp.up_proj.{kind}", rows=mlp.hidden),
        )
        yield Row(f"{ours}.ffn.up.{kind}", parts)
        yield Row(f"{ours}.ffn.down.{kind}", (Part(name=f"{theirs}.mlp.down_proj.{kind}"),))


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    width, heads = whole(config, "hidden_size", 4096), whole(config, "num_attention_heads", 32)
    kv_heads = whole(config, "num_key_value_heads", heads)
    head_width = whole(config, "head_dim", width // heads)
    block = Block(
        mixer=Attention(
            heads=heads,
            kv_heads=None if kv_heads == heads else kv_heads,
            head_width=None if head_width * heads == width else head_width,
            bias=bool(config.get("attention_bias", False)),
            positions=Rope(base=_rope_base(config)),
            dropout=number(config, "attention_dropout", 0.0),
        ),
        norm=RMSNorm(eps=number(config, "rms_norm_eps", 1e-6)),
        ffn=MLP(
            hidden=whole(config, "intermediate_size", 11_008),
            activation=named_activation(config.get("hidden_act", "silu")),
            gated=True,
            bias=bool(config.get("mlp_bias", False)),
        ),
    )
    return Decoder(
        vocab=whole(config, "vocab_size", 32_000),
        context=whole(config, "max_position_embeddings", 2048),
        tied=bool(config.get("tie_word_embeddings", False)),
        stack=Stack(width=width, depth=whole(config, "num_hidden_layers", 32), block=block),
        initial=INITIAL,
    )


def _rope_base(config: Mapping[str, Any]) -> float:
    """The base of the angles, from either place it has stood in; scaled angles are refused."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, Mapping):
        raise ModelError(f"rope_parameters is {rope!r}; expected an object")
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind != "default":
        raise ModelError(
            f"the configuration asks for rotary positions of type {kind!r}; only the plain ones "
            "('default') are built"
        )
    for place in (config, rope):
        if number(place, "partial_rotary_factor", 1.0) != 1.0:
            raise ModelError("the configuration turns a part of each head only; not built")
    return number(rope, "rope_theta", number(config, "rope_theta", 10_000.0))


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer = block.attention
    if not isinstance(block.ffn, MLP) or mixer.positions is None:
        raise ModelError("a block of Llama has rotary positions and a feed-forward")
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "num_hidden_layers": stack.depth,
        "num_attention_heads": mixer.heads,
        "num_key_value_heads": mixer.kv_heads or mixer.heads,
        "head_dim": mixer.width_per_head(stack.width),
        "attention_bias": mixer.bias,
        "attention_dropout": mixer.dropout,
        "intermediate_size": block.ffn.hidden,
        "hidden_act": activation_name(block.ffn.activation),
        "mlp_bias": block.ffn.bias,
        "rms_norm_eps": block.norm.eps,
        "rope_theta": mixer.positions.base,  # where releases before 5.0 look
        "rope_parameters": {"rope_type": "default", "rope_theta": mixer.positions.base},
        "tie_word_embeddings": description.tied,
    }


LLAMA = Family(
    architecture="LlamaForCausalLM",
    base="LlamaModel",
    model_type="llama",
    prefix="model.",
    ignored=(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",),
    from_config=from_config,
    to_config=to_config,
    weights=weights,
)
