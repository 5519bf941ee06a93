"""Phi's weights and configuration under the names of the `transformers` library."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama_weights import (
    ROTARY_BUFFERS,
    attention_rows,
    read_attention,
)
from practicum.models.families.phi import INITIAL
from practicum.models.foreign_config import (
    activation_name,
    defaulted,
    named_activation,
    number,
    refuse,
    whole,
)
from practicum.models.rope_config import write_rope
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.stack import Block, Stack

# What a configuration leaves out where it is as the original's own default.
_DEFAULTS: dict[str, Any] = {"hidden_size": 2048, "num_hidden_layers": 24}


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield Row("embedding.weight", (Part(name="model.embed_tokens.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        ours, theirs = f"stack.blocks.{layer}", f"model.layers.{layer}"
        yield from attention_rows(
            block.attention, description.stack.width, ours, theirs, out="dense"
        )
        pairs = {
            f"{ours}.mixer_norm": f"{theirs}.input_layernorm",
            f"{ours}.ffn.up": f"{theirs}.mlp.fc1",
            f"{ours}.ffn.down": f"{theirs}.mlp.fc2",
        }
        if block.attention.qk_norm is not None:
            pairs[f"{ours}.mixer.q_norm"] = f"{theirs}.self_attn.q_layernorm"
            pairs[f"{ours}.mixer.k_norm"] = f"{theirs}.self_attn.k_layernorm"
        for name, other in pairs.items():
            yield from _with_bias(name, other)
    yield from _with_bias("stack.final_norm", "model.final_layernorm")
    yield from _with_bias("head", "lm_head")


def _with_bias(ours: str, theirs: str) -> Iterator[Row]:
    for kind in ("weight", "bias"):
        yield Row(f"{ours}.{kind}", (Part(name=f"{theirs}.{kind}"),))


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    refuse(config, "tie_word_embeddings")  # the logits have a bias
    config = defaulted(config, _DEFAULTS)
    norm = LayerNorm(eps=number(config, "layer_norm_eps", 1e-5))
    block = Block(
        mixer=replace(
            _half_turned(config), bias=True, qk_norm=norm if config.get("qk_layernorm") else None
        ),
        norm=norm,
        ffn=MLP(
            hidden=whole(config, "intermediate_size", 8192),
            activation=named_activation(config.get("hidden_act", "gelu_new")),
            bias=True,
        ),
        parallel=True,
        dropout=number(config, "resid_pdrop", 0.0),
    )
    return Decoder(
        vocab=whole(config, "vocab_size", 51_200),
        context=whole(config, "max_position_embeddings", 2048),
        tied=False,
        bias=True,
        stack=Stack(
            width=whole(config, "hidden_size", 2048),
            depth=whole(config, "num_hidden_layers", 24),
            block=block,
        ),
        initial=INITIAL,
        dropout=number(config, "embd_pdrop", 0.0),
    )


def _half_turned(config: Mapping[str, Any]) -> Attention:
    """The attention of every layer. Raises ModelError where what is turned makes no pairs."""
    mixer = read_attention(config, share=0.5)
    assert mixer.positions is not None, "read_attention gives rotary ones"
    share, width = mixer.positions.share, mixer.width_per_head(whole(config, "hidden_size", 2048))
    turned = int(width * share)
    if turned < 2 or turned % 2:
        raise ModelError(
            f"partial_rotary_factor is {share}, which turns {turned} of the {width} dimensions of "
            "a head; expected an even number of them"
        )
    return mixer


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer, mlp = block.attention, block.ffn
    if not isinstance(mlp, MLP) or mixer.positions is None:
        raise ModelError("a block of Phi has rotary positions and a feed-forward")
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "num_hidden_layers": stack.depth,
        "num_attention_heads": mixer.heads,
        "num_key_value_heads": mixer.kv_heads or mixer.heads,
        "head_dim": mixer.width_per_head(stack.width),
        "intermediate_size": mlp.hidden,
        "hidden_act": activation_name(mlp.activation),
        "layer_norm_eps": block.norm.eps,
        "qk_layernorm": mixer.qk_norm is not None,
        "resid_pdrop": block.dropout,
        "embd_pdrop": description.dropout,
        "attention_dropout": mixer.dropout,
        # a half where it is not said
        "partial_rotary_factor": mixer.positions.share,
        **write_rope(mixer.positions),
        "tie_word_embeddings": description.tied,
    }


PHI = Family(
    architecture="PhiForCausalLM",
    base="PhiModel",
    model_type="phi",
    prefix="model.",
    ignored=ROTARY_BUFFERS,
    from_config=from_config,
    to_config=to_config,
    weights=weights,
)
