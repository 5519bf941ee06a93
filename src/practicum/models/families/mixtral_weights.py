"""Mixtral's weights and configuration under the names of the `transformers` library.

Files hold a matrix per expert (w1 the gate, w3 up, w2 down); newer releases, asked for their own
layout, stack the experts of a layer in two tensors as we do. Both are read, the first is written.
A sliding window, which released weights do not have, is read and written too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.models.families.llama_weights import (
    ROTARY_BUFFERS,
    around,
    read_attention,
    write_around,
)
from practicum.models.foreign_config import activation_name, named_activation, number, whole
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.experts import Experts
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs, a matrix per expert."""
    yield from around(description)
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
    yield from around(description)
    for layer in range(description.stack.depth):
        ours, theirs = f"stack.blocks.{layer}.ffn", f"model.layers.{layer}.mlp"
        yield Row(f"{ours}.router.weight", (Part(name=f"{theirs}.gate.weight"),))
        yield Row(f"{ours}.up.weight", (Part(name=f"{theirs}.experts.gate_up_proj"),))
        yield Row(f"{ours}.down.weight", (Part(name=f"{theirs}.experts.down_proj"),))


def _experts(block: Block) -> Experts:
    if not isinstance(block.ffn, Experts):
        raise ModelError("every block of a Mixtral has experts as its feed-forward")
    return block.ffn


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    window = config.get("sliding_window")
    block = Block(
        mixer=replace(
            read_attention(config, kv_heads=8, base=1e6),
            window=None if window is None else whole(config, "sliding_window", window),
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
        stack=Stack(
            width=whole(config, "hidden_size", 4096),
            depth=whole(config, "num_hidden_layers", 32),
            block=block,
        ),
        initial=INITIAL,
    )


def to_config(description: Decoder) -> dict[str, Any]:
    """The `config.json` entries of this description. Raises ModelError where it has none."""
    block = description.stack.blocks[0]
    mixer, experts = block.attention, _experts(block)
    if not isinstance(block.norm, RMSNorm) or not isinstance(mixer.positions, Rope):
        raise ModelError("a Mixtral has RMSNorm and rotary positions")
    return write_around(description) | {
        "sliding_window": mixer.window,
        "intermediate_size": experts.hidden,
        "num_local_experts": experts.count,
        "num_experts_per_tok": experts.top,
        "hidden_act": activation_name(experts.activation),
        "router_jitter_noise": experts.jitter,
    }


MIXTRAL = Family(
    architecture="MixtralForCausalLM",
    base="MixtralModel",
    model_type="mixtral",
    prefix="model.",
    ignored=ROTARY_BUFFERS,
    from_config=from_config,
    to_config=to_config,
    weights=weights,
    others=(stacked_weights,),
)
