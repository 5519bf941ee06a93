"""OLMo's weights and configuration under the names of the `transformers` library.

They are Llama's without the norms, which hold nothing, and with a bound on q, k and v.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families import llama_weights
from practicum.models.families.olmo import NORM, initial
from practicum.models.foreign_config import named_activation, number, whole
from practicum.models.weight_table import Family, Row
from practicum.nn.mlp import MLP
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    return (row for row in llama_weights.weights(description) if "norm" not in row.ours)


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    width, depth = whole(config, "hidden_size", 4096), whole(config, "num_hidden_layers", 32)
    hidden = whole(config, "intermediate_size", 11_008)
    block = Block(
        mixer=replace(
            llama_weights.read_attention(config),
            bias=bool(config.get("attention_bias")),
            clip=_clip(config),
        ),
        norm=NORM,
        ffn=MLP(
            hidden=hidden,
            activation=named_activation(config.get("hidden_act", "silu")),
            gated=True,
        ),
    )
    return Decoder(
        vocab=whole(config, "vocab_size", 50_304),
        context=whole(config, "max_position_embeddings", 2048),
        tied=bool(config.get("tie_word_embeddings", False)),
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(width=width, depth=depth, hidden=hidden),
    )


def _clip(config: Mapping[str, Any]) -> float | None:
    if config.get("clip_qkv") is None:
        return None
    clip = number(config, "clip_qkv", 0.0)
    if clip <= 0.0:
        raise ModelError(f"clip_qkv is {clip}; expected a number above 0, or null")
    return clip


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    written = llama_weights.to_config(description)
    del written["rms_norm_eps"], written["mlp_bias"]
    return written | {
        "clip_qkv": description.stack.blocks[0].attention.clip,
        "pad_token_id": None,  # theirs is 1 unless it is said that there is none
    }


OLMO = Family(
    architecture="OlmoForCausalLM",
    base="OlmoModel",
    model_type="olmo",
    prefix="model.",
    ignored=llama_weights.ROTARY_BUFFERS,
    from_config=from_config,
    to_config=to_config,
    weights=weights,
)
