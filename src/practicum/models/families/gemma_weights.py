"""Weights and configurations of Gemma 1, 2 and 3 (text) under the names of `transformers`.

Names are Llama's; Gemma 2 and 3 have two norms more per layer, and call the feed-forward's first
one otherwise. Gains are stored without the 1 that is added to them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families import llama_weights
from practicum.models.families.gemma import of_mixers, query_scale, windowed
from practicum.models.foreign_config import (
    defaulted,
    named_activation,
    number,
    refuse,
    whole,
)
from practicum.models.rope_config import read_rope, write_rope
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs, with norms on both sides of every part."""
    for row in llama_weights.weights(description):
        ours, (first, *_) = row.ours, row.parts
        after = ours.endswith(".ffn_norm.weight")
        yield Row(ours, (_named(first, "pre_feedforward"),)) if after else row
    for layer, block in enumerate(description.stack.blocks):
        ours, theirs = f"stack.blocks.{layer}", f"model.layers.{layer}"
        more = {
            "mixer_norm_after": "post_attention_layernorm",
            "ffn_norm_after": "post_feedforward_layernorm",
        }
        if block.attention.qk_norm is not None:
            more |= {"mixer.q_norm": "self_attn.q_norm", "mixer.k_norm": "self_attn.k_norm"}
        for mine, other in more.items():
            yield Row(f"{ours}.{mine}.weight", (Part(name=f"{theirs}.{other}.weight"),))


def _named(norm: Part, place: str) -> Part:
    return replace(norm, name=norm.name.replace("post_attention", place))


def from_gemma(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of Gemma 1 stands for."""
    config = defaulted(config, _GEMMA)
    # Early files say "gelu" and mean its tanh form, which an entry that came later says outright.
    given = {config["hidden_act"], config.get("hidden_activation") or config["hidden_act"]}
    activations = {"gelu_pytorch_tanh" if name == "gelu" else str(name) for name in given}
    if len(activations) > 1:
        raise ModelError(
            f"hidden_act is {config['hidden_act']!r} and hidden_activation "
            f"{config['hidden_activation']!r}; take one of them"
        )
    return _decoder(
        config,
        [_attention(config)] * whole(config, "num_hidden_layers", 28),
        activation=activations.pop(),
        norms="before",
    )


def from_gemma2(config: Mapping[str, Any]) -> Decoder:
    """The same of Gemma 2."""
    config = defaulted(config, _GEMMA2)
    mixer = replace(_scaled(config), cap=_cap(config, "attn_logit_softcapping"))
    window, local = _layers(config, 2)
    return _decoder(
        config,
        [replace(mixer, window=window) if near else mixer for near in local],
        activation=str(config["hidden_activation"]),
        norms="both",
        cap=_cap(config, "final_logit_softcapping"),
    )


def from_gemma3(config: Mapping[str, Any]) -> Decoder:
    """The same of Gemma 3's text network."""
    config = defaulted(config, _GEMMA3)
    refuse(config, "attn_logit_softcapping")  # which the original takes and does not apply
    everywhere = replace(
        _scaled(defaulted({"rope_parameters": None, "rope_scaling": None}, config)),
        qk_norm=RMSNorm(eps=number(config, "rms_norm_eps", 1e-6), plus_one=True),
        positions=_rope(config, "full_attention"),
    )
    near = replace(everywhere, positions=_rope(config, "sliding_attention"))
    window, local = _layers(config, whole(config, "sliding_window_pattern", 6))
    return _decoder(
        config,
        [replace(near, window=window) if is_near else everywhere for is_near in local],
        activation=str(config["hidden_activation"]),
        norms="both",
        cap=_cap(config, "final_logit_softcapping"),
    )


# What a configuration leaves out where it is as the original's own default.
_GEMMA: dict[str, Any] = {
    "vocab_size": 256_000,
    "hidden_size": 3072,
    "intermediate_size": 24_576,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 256,
    "max_position_embeddings": 8192,
    "hidden_act": "gelu_pytorch_tanh",
}
_GEMMA2: dict[str, Any] = {
    "vocab_size": 256_000,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "max_position_embeddings": 8192,
    "hidden_activation": "gelu_pytorch_tanh",
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
    "final_logit_softcapping": 30.0,
    "attn_logit_softcapping": 50.0,
}
_GEMMA3 = _GEMMA2 | {
    "vocab_size": 262_208,
    "max_position_embeddings": 131_072,
    "final_logit_softcapping": None,
    "attn_logit_softcapping": None,
}


def _attention(config: Mapping[str, Any]) -> Attention:
    refuse(config, "use_bidirectional_attention")
    bias = bool(config.get("attention_bias"))
    return replace(llama_weights.read_attention(config), bias=bias)


def _decoder(
    config: Mapping[str, Any],
    mixers: Sequence[Attention],
    *,
    activation: str,
    norms: Literal["before", "both"],
    cap: float | None = None,
) -> Decoder:
    return of_mixers(
        mixers,
        width=whole(config, "hidden_size", 1),
        hidden=whole(config, "intermediate_size", 1),
        vocab=whole(config, "vocab_size", 1),
        context=whole(config, "max_position_embeddings", 1),
        norms=norms,
        eps=number(config, "rms_norm_eps", 1e-6),
        activation=named_activation(activation),
        cap=cap,
        tied=bool(config.get("tie_word_embeddings", True)),
    )


def _cap(config: Mapping[str, Any], key: str) -> float | None:
    return None if config[key] is None else number(config, key, 1.0)


def _scaled(config: Mapping[str, Any]) -> Attention:
    """The attention with the scale of Gemma 2 and 3."""
    mixer, query = _attention(config), whole(config, "query_pre_attn_scalar", 256)
    per_head = mixer.width_per_head(whole(config, "hidden_size", 1))
    return replace(mixer, scale=query_scale(query, per_head))


def _layers(config: Mapping[str, Any], every: int) -> tuple[int | None, list[bool]]:
    """The window, and which layers have it."""
    depth = whole(config, "num_hidden_layers", 1)
    window = None if config["sliding_window"] is None else whole(config, "sliding_window", 1)
    kinds = config.get("layer_types") or [
        "sliding_attention" if near else "full_attention" for near in windowed(depth, every)
    ]
    strange = {str(kind) for kind in kinds} - {"sliding_attention", "full_attention"}
    if strange or len(kinds) != depth or (window is None and "sliding_attention" in kinds):
        raise ModelError(
            f"layer_types is {kinds!r} with sliding_window {window}; expected full_attention, or "
            f"sliding_attention with a window, for each of {depth} layers"
        )
    return window, [kind == "sliding_attention" for kind in kinds]


# Where older releases keep the base of a kind of layer, and that base where nothing is said.
_BASES = {
    "full_attention": ("rope_theta", 1_000_000.0),
    "sliding_attention": ("rope_local_base_freq", 10_000.0),
}


def _rope(config: Mapping[str, Any], kind: str) -> Rope:
    """The rotary positions of one kind of layer; a scaling of the old form is for one kind only."""
    both, (key, base) = config.get("rope_parameters") or {}, _BASES[kind]
    if not isinstance(both, Mapping):
        raise ModelError(f"rope_parameters is {both!r}; expected an object per kind of layer")
    entries = {
        "rope_parameters": both.get(kind),
        "rope_scaling": config.get("rope_scaling") if kind == "full_attention" else None,
        "rope_theta": config.get(key),
        "max_position_embeddings": config.get("max_position_embeddings"),
    }
    return read_rope(entries, base)


def to_gemma(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe a Gemma 1."""
    config = llama_weights.to_config(description)
    return {key: value for key, value in config.items() if key != "mlp_bias"}


def to_gemma2(description: Decoder) -> dict[str, Any]:
    """The same of a Gemma 2."""
    mixers = [block.attention for block in description.stack.blocks]
    config, mixer = to_gemma(description), mixers[0]
    per_head = mixer.width_per_head(description.stack.width)
    return config | {
        "hidden_activation": config.pop("hidden_act"),
        "query_pre_attn_scalar": per_head if mixer.scale is None else round(mixer.scale**-2),
        "sliding_window": next((each.window for each in mixers if each.window), None),
        "layer_types": ["sliding_attention" if m.window else "full_attention" for m in mixers],
        "attn_logit_softcapping": mixer.cap,
        "final_logit_softcapping": description.cap,
    }


def to_gemma3(description: Decoder) -> dict[str, Any]:
    """The same of a Gemma 3."""
    config = to_gemma2(description)
    mixers = [block.attention for block in description.stack.blocks]
    near = _first_rope(mixers, windowed=True) or Rope(base=10_000.0)
    far = _first_rope(mixers, windowed=False) or Rope(base=1_000_000.0)
    written = {"full_attention": write_rope(far), "sliding_attention": write_rope(near)}
    config.pop("rope_scaling", None)
    return (
        config
        | written["full_attention"]
        | {
            "rope_local_base_freq": near.base,
            "rope_parameters": {kind: rope["rope_parameters"] for kind, rope in written.items()},
        }
    )


def _first_rope(mixers: Sequence[Attention], *, windowed: bool) -> Rope | None:
    return next((m.positions for m in mixers if (m.window is not None) == windowed), None)


GEMMA = Family(
    architecture="GemmaForCausalLM",
    base="GemmaModel",
    model_type="gemma",
    prefix="model.",
    ignored=llama_weights.ROTARY_BUFFERS,
    from_config=from_gemma,
    to_config=to_gemma,
    weights=llama_weights.weights,
)
GEMMA2 = replace(
    GEMMA,
    architecture="Gemma2ForCausalLM",
    base="Gemma2Model",
    model_type="gemma2",
    from_config=from_gemma2,
    to_config=to_gemma2,
    weights=weights,
    unread=("hidden_act",),  # which released files have beside `hidden_activation`
)
GEMMA3 = replace(
    GEMMA2,
    architecture="Gemma3ForCausalLM",
    base="Gemma3TextModel",
    model_type="gemma3_text",
    from_config=from_gemma3,
    to_config=to_gemma3,
    unread=("_sliding_window_pattern",),  # a note of the original's, which reads `layer_types`
)
