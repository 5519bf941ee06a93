"""OPT's and Galactica's weights and configuration under the names of `transformers`."""

from collections.abc import Iterator, Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.llama_weights import attention_rows
from practicum.models.families.opt import SPARE, initial
from practicum.models.foreign_config import activation_name, named_activation, number, refuse, whole
from practicum.models.narrow_decoder import NarrowDecoder, narrowed
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    stack, body = description.stack, "model.decoder"
    yield Row("embedding.weight", (Part(name=f"{body}.embed_tokens.weight"),))
    if isinstance(description, NarrowDecoder):
        yield Row("embedding.project_in.weight", (Part(name=f"{body}.project_in.weight"),))
        yield Row("project_out.weight", (Part(name=f"{body}.project_out.weight"),))
    yield Row("positions.weight", (Part(name=f"{body}.embed_positions.weight"),))
    for layer, block in enumerate(stack.blocks):
        ours, theirs = f"stack.blocks.{layer}", f"{body}.layers.{layer}"
        yield from _norm(block, f"{ours}.mixer_norm", f"{theirs}.self_attn_layer_norm")
        yield from attention_rows(block.attention, stack.width, ours, theirs, out="out_proj")
        yield from _norm(block, f"{ours}.ffn_norm", f"{theirs}.final_layer_norm")
        for kind in ("weight", "bias") if _mlp(block).bias else ("weight",):
            yield Row(f"{ours}.ffn.up.{kind}", (Part(name=f"{theirs}.fc1.{kind}"),))
            yield Row(f"{ours}.ffn.down.{kind}", (Part(name=f"{theirs}.fc2.{kind}"),))
    if stack.final_norm:
        yield from _norm(stack.blocks[-1], "stack.final_norm", f"{body}.final_layer_norm")
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def _norm(block: Block, ours: str, theirs: str) -> Iterator[Row]:
    if _affine(block):
        for kind in ("weight", "bias"):
            yield Row(f"{ours}.{kind}", (Part(name=f"{theirs}.{kind}"),))


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    _refuse_what_is_not_built(config)
    width, depth = whole(config, "hidden_size", 768), whole(config, "num_hidden_layers", 12)
    before, bias = _on(config, "do_layer_norm_before"), _on(config, "enable_bias")
    affine = _on(config, "layer_norm_elementwise_affine")
    removed = bool(config.get("_remove_final_layer_norm"))
    block = Block(
        mixer=Attention(
            heads=whole(config, "num_attention_heads", 12),
            bias=bias,
            dropout=number(config, "attention_dropout", 0.0),
        ),
        norm=LayerNorm(eps=1e-5, bias=affine, weight=affine),
        ffn=MLP(
            hidden=whole(config, "ffn_dim", 3072),
            activation=named_activation(config.get("activation_function", "relu")),
            bias=bias,
            dropout=number(config, "activation_dropout", 0.0),
        ),
        norms="before" if before else "after",
        dropout=number(config, "dropout", 0.1),
    )
    decoder = Decoder(
        vocab=whole(config, "vocab_size", 50_272),
        context=whole(config, "max_position_embeddings", 2048),
        positions=LearnedPositions(spare=SPARE),
        tied=_on(config, "tie_word_embeddings"),
        stack=Stack(width=width, depth=depth, block=block, final_norm=before and not removed),
        initial=initial(depth),
    )
    narrow = whole(config, "word_embed_proj_dim", width)
    return decoder if narrow == width else narrowed(decoder, narrow)


def _on(config: Mapping[str, Any], key: str) -> bool:
    """A switch that is on unless it is turned off."""
    return bool(config.get(key, True))


def _refuse_what_is_not_built(config: Mapping[str, Any]) -> None:
    refuse(config, "scale_embeddings")
    if not _on(config, "learned_embeddings"):
        raise ModelError("learned_embeddings is off; an OPT is built with learned positions only")
    width, heads = whole(config, "hidden_size", 768), whole(config, "num_attention_heads", 12)
    if width % heads:
        raise ModelError(
            f"num_attention_heads is {heads}, which does not divide hidden_size {width}"
        )


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    stack, block = description.stack, description.stack.blocks[0]
    mixer, mlp, before = block.attention, _mlp(block), block.norms == "before"
    narrow = isinstance(description, NarrowDecoder)
    return {
        "vocab_size": description.vocab,
        "max_position_embeddings": description.context,
        "hidden_size": stack.width,
        "word_embed_proj_dim": description.embedding_width if narrow else stack.width,
        "num_hidden_layers": stack.depth,
        "num_attention_heads": mixer.heads,
        "ffn_dim": mlp.hidden,
        "activation_function": activation_name(mlp.activation),
        "enable_bias": mixer.bias,
        "do_layer_norm_before": before,
        "layer_norm_elementwise_affine": _affine(block),
        "_remove_final_layer_norm": before and not stack.final_norm,
        "dropout": block.dropout,
        "attention_dropout": mixer.dropout,
        "activation_dropout": mlp.dropout,
        "tie_word_embeddings": description.tied,
        "pad_token_id": None,  # theirs is 1 unless it is said that there is none
    }


def _mlp(block: Block) -> MLP:
    if not isinstance(block.ffn, MLP):
        raise ModelError("a block of OPT has a feed-forward of two matrices")
    return block.ffn


def _affine(block: Block) -> bool:
    """Whether the norms have gains and biases."""
    return isinstance(block.norm, LayerNorm) and block.norm.weight


OPT = Family(
    architecture="OPTForCausalLM",
    base="OPTModel",
    model_type="opt",
    prefix="model.",
    ignored=(),
    from_config=from_config,
    to_config=to_config,
    weights=weights,
    unread=("output_projection",),  # in the 13B model's file; theirs does not read it either
)
