"""Mamba's weights and configuration under the names of the `transformers` library.

The rows of their in_proj, x_proj and conv1d are ours in the same order. Biases on the projections,
a convolution without one and activations other than SiLU are refused by name: they are not built.
A configuration of theirs says nothing about the length of texts; where it lacks our entry for it,
2,048 is what the published models were trained on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.mamba import mamba
from practicum.models.foreign_config import named_activation, number, refuse, whole
from practicum.models.weight_table import Family, Part, Row, View
from practicum.nn.norms import RMSNorm
from practicum.nn.selective import Selective

# theirs is a convolution of groups, each with one input channel: (channels, 1, tokens)
PER_CHANNEL = View(read=lambda theirs: theirs.squeeze(1), write=lambda ours: ours.unsqueeze(1))


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield Row("embedding.weight", (Part(name="backbone.embeddings.weight"),))
    for layer in range(description.stack.depth):
        yield from _block(layer)
    yield Row("stack.final_norm.weight", (Part(name="backbone.norm_f.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def _block(layer: int) -> Iterator[Row]:
    ours, theirs = f"stack.blocks.{layer}", f"backbone.layers.{layer}"
    yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.norm.weight"),))
    conv = Part(name=f"{theirs}.mixer.conv1d.weight", view=PER_CHANNEL)
    yield Row(f"{ours}.mixer.convolution_weight", (conv,))
    for mine, other in (
        ("enter.weight", "in_proj.weight"),
        ("convolution_bias", "conv1d.bias"),
        ("select.weight", "x_proj.weight"),
        ("step.weight", "dt_proj.weight"),
        ("step_bias", "dt_proj.bias"),
        ("log_rates", "A_log"),
        ("skip", "D"),
        ("out.weight", "out_proj.weight"),
    ):
        yield Row(f"{ours}.mixer.{mine}", (Part(name=f"{theirs}.mixer.{other}"),))


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    refuse(config, "use_bias")
    if not config.get("use_conv_bias", True):
        raise ModelError("the configuration has use_conv_bias off; only a bias there is built")
    if named_activation(config.get("hidden_act", "silu")) != "silu":
        raise ModelError(f"hidden_act is {config['hidden_act']!r}; Mamba is built with 'silu' only")
    width, expand = whole(config, "hidden_size", 768), whole(config, "expand", 2)
    if whole(config, "intermediate_size", expand * width) != expand * width:
        raise ModelError(
            f"intermediate_size is {config['intermediate_size']}; expected expand times "
            f"hidden_size, {expand * width}"
        )
    rank = config.get("time_step_rank", "auto")
    mixer = Selective(
        state=whole(config, "state_size", 16),
        convolution=whole(config, "conv_kernel", 4),
        expand=expand,
        rank=None if rank == "auto" else whole(config, "time_step_rank", 1),
    )
    if mixer.rank == Selective().step_rank(width):
        mixer = replace(mixer, rank=None)
    return mamba(
        width=width,
        depth=whole(config, "num_hidden_layers", 32),
        vocab=whole(config, "vocab_size", 50_280),
        context=whole(config, "max_position_embeddings", 2048),
        mixer=mixer,
        eps=number(config, "layer_norm_epsilon", 1e-5),
        tied=bool(config.get("tie_word_embeddings", True)),
    )


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer, norm = block.mixer, block.norm
    if not isinstance(mixer, Selective) or not isinstance(norm, RMSNorm):
        raise ModelError("a block of Mamba is a selective state space after an RMSNorm")
    if mixer.expand != int(mixer.expand):
        raise ModelError(f"expand is {mixer.expand}; there it is a whole number")
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "num_hidden_layers": stack.depth,
        "state_size": mixer.state,
        "conv_kernel": mixer.convolution,
        "expand": int(mixer.expand),
        "intermediate_size": mixer.channels(stack.width),
        "time_step_rank": mixer.step_rank(stack.width),
        "layer_norm_epsilon": norm.eps,
        "hidden_act": "silu",
        "use_bias": False,
        "use_conv_bias": True,
        "tie_word_embeddings": description.tied,
    }


MAMBA = Family(
    architecture="MambaForCausalLM",
    base="MambaModel",
    model_type="mamba",
    prefix="backbone.",
    ignored=(),
    from_config=from_config,
    to_config=to_config,
    weights=weights,
    # how weights start, ways to compute the same scan, and the precision of the stream
    unread=(
        *(f"time_step_{name}" for name in ("floor", "init_scheme", "max", "min", "scale")),
        *("rescale_prenorm_residual", "use_mambapy", "use_associative_scan", "residual_in_fp32"),
        # in released files, left over from before their conversion: sizes once more, kernels
        *("d_inner", "d_model", "n_layer", "pad_vocab_size_multiple", "rms_norm", "fused_add_norm"),
    ),
)
