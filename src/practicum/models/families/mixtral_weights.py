"""Mixtral's weights and configuration under the names of the `transformers` library.

Files hold a matrix per expert (w1 the gate, w3 up, w2 down); newer releases, asked for their own
layout, stack the experts of a layer in two tensors as we do. Both are read, the first is written.
A sliding window, which released weights do not have, is read and written too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.models.foreign_config import activation_name, named_activation, number, whole
from practicum.models.rope_config import read_rope, write_rope
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.experts import Experts
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs, a matrix per expert."""
    yield from _around(description)
    for layer, block in enumerate(description.stack.blocks):
        experts = _experts(block)
        ours, theirs = f"stack.blocks.{layer}.ffn", f"model.layers.{layer}.block_sparse_moe"
        yield Row(f"{ours}.router.weight", (Part(name=f"{theirs}.gate.weight"),))
        each = [f"{theirs}.experts.{number}" for number in range(experts.count)]
        up = [
            Part(name=f"{expert}.{part}.weight", rows=experts.hidden)
            for expert in each
            for part in ("w1", "w3")
        ]
        width = description.stack.width
        down = [Part(name=f"{expert}.w2.weight", rows=width) for expert in each]
        yield Row(f"{ours}.up.weight", tuple(up), stacked=True)
        yield Row(f"{ours}.down.weight", tuple(down), stacked=True)


def stacked_weights(description: Decoder) -> Iterator[Row]:
    """The same with the experts of a layer in one tensor."""
    yield from _around(description)
    for layer in range(description.stack.depth):
        ours, theirs = f"stack.blocks.{layer}.ffn", f"model.layers.{layer}.mlp"
        yield Row(f"{ours}.router.weight", (Part(name=f"{theirs}.gate.weight"),))
        yield Row(f"{ours}.up.weight", (Part(name=f"{theirs}.experts.gate_up_proj"),))
        yield Row(f"{ours}.down.weight", (Part(name=f"{theirs}.experts.down_proj"),))


def _around(description: Decoder) -> Iterator[Row]:
    """All that is not the feed-forward's."""
    width = description.stack.width
    yield Row("embedding.weight", (Part(name="model.embed_tokens.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        ours, theirs = f"stack.blocks.{layer}", f"model.layers.{layer}"
        yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.input_layernorm.weight"),))
        after = Part(name=f"{theirs}.post_attention_layernorm.weight")
        yield Row(f"{ours}.ffn_norm.weight", (after,))
        mixer, attention = block.attention, f"{theirs}.self_attn"
        per_head = mixer.width_per_head(width)
        q, kv = mixer.heads * per_head, (mixer.kv_heads or mixer.heads) * per_head
        parts = (
            Part(name=f"{attention}.q_proj.weight", rows=q),
            Part(name=f"{attention}.k_proj.weight", rows=kv),
            Part(name=f"{attention}.v_proj.weight", rows=kv),
        )
        yield Row(f"{ours}.mixer.qkv.weight", parts)
        yield Row(f"{ours}.mixer.out.weight", (Part(name=f"{attention}.o_proj.weight"),))
    yield Row("stack.final_norm.weight", (Part(name="model.norm.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def _experts(block: Block) -> Experts:
    if not isinstance(block.ffn, Experts):
        raise ModelError("every block of a Mixtral has experts as its feed-forward")
    return block.ffn


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    width, heads = whole(config, "hidden_size", 4096), whole(config, "num_attention_heads", 32)
    kv_heads = whole(config, "num_key_value_heads", 8)
    head_width = whole(config, "head_dim", width // heads)
    window = config.get("sliding_window")
    block = Block(
        mixer=Attention(
            heads=heads,
            kv_heads=None if kv_heads == heads else kv_heads,
            head_width=None if head_width * heads == width else head_width,
            positions=read_rope(config, 1e6),
            window=None if window is None else whole(config, "sliding_window", window),
            dropout=number(config, "attention_dropout", 0.0),
        ),
        norm=RMSNorm(eps=number(config, "rms_norm_eps", 1e-5)),
        ffn=Experts(
            count=whole(config, "num_local_experts", 8),
            top=whole(config, "num_experts_per_tok", 2),
            hidden=whole(config, "intermediate_size", 14_336),
            activation=named_activation(config.get("hidden_act", "silu")),
            jitter=number(config, "router_jitter_noise", 0.0),
        ),
    )
    return Decoder(
        vocab=whole(config, "vocab_size", 32_000),
        context=whole(config, "max_position_embeddings", 131_072),
        tied=bool(config.get("tie_word_embeddings", False)),
        stack=Stack(width=width, depth=whole(config, "num_hidden_layers", 32), block=block),
        initial=INITIAL,
    )


def to_config(description: Decoder) -> dict[str, Any]:
    """The `config.json` entries of this description. Raises ModelError where it has none."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer, experts = block.attention, _experts(block)
    if not isinstance(block.norm, RMSNorm) or not isinstance(mixer.positions, Rope):
        raise ModelError("a Mixtral has RMSNorm and rotary positions")
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "num_hidden_layers": stack.depth,
        "num_attention_heads": mixer.heads,
        "num_key_value_heads": mixer.kv_heads or mixer.heads,
        "head_dim": mixer.width_per_head(stack.width),
        "attention_dropout": mixer.dropout,
        "sliding_window": mixer.window,
        "intermediate_size": experts.hidden,
        "num_local_experts": experts.count,
        "num_experts_per_tok": experts.top,
        "hidden_act": activation_name(experts.activation),
        "router_jitter_noise": experts.jitter,
        "rms_norm_eps": block.norm.eps,
        **write_rope(mixer.positions),
        "tie_word_embeddings": description.tied,
    }


MIXTRAL = Family(
    architecture="MixtralForCausalLM",
    base="MixtralModel",
    model_type="mixtral",
    prefix="model.",
    ignored=(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq",),
    from_config=from_config,
    to_config=to_config,
    weights=weights,
    others=(stacked_weights,),
)
