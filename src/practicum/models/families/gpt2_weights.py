"""GPT-2's weights and configuration under the names of the `transformers` library.

Its matrices are stored (in, out), the transpose of ours, and q, k, v are one matrix as with us.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import initial
from practicum.models.foreign_config import activation_name, named_activation, number, refuse, whole
from practicum.models.weight_table import TRANSPOSED, Family, Part, Row
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Block, Stack


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield Row("embedding.weight", (Part(name="transformer.wte.weight"),))
    yield Row("positions.weight", (Part(name="transformer.wpe.weight"),))
    for layer in range(description.stack.depth):
        ours, theirs = f"stack.blocks.{layer}", f"transformer.h.{layer}"
        for kind in ("weight", "bias"):
            yield Row(f"{ours}.mixer_norm.{kind}", (Part(name=f"{theirs}.ln_1.{kind}"),))
            yield Row(f"{ours}.ffn_norm.{kind}", (Part(name=f"{theirs}.ln_2.{kind}"),))
        yield from _matrix(f"{ours}.mixer.qkv", f"{theirs}.attn.c_attn")
        yield from _matrix(f"{ours}.mixer.out", f"{theirs}.attn.c_proj")
        yield from _matrix(f"{ours}.ffn.up", f"{theirs}.mlp.c_fc")
        yield from _matrix(f"{ours}.ffn.down", f"{theirs}.mlp.c_proj")
    for kind in ("weight", "bias"):
        yield Row(f"stack.final_norm.{kind}", (Part(name=f"transformer.ln_f.{kind}"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def _matrix(ours: str, theirs: str) -> Iterator[Row]:
    yield Row(f"{ours}.weight", (Part(name=f"{theirs}.weight", view=TRANSPOSED),))
    yield Row(f"{ours}.bias", (Part(name=f"{theirs}.bias"),))


def from_config(config: Mapping[str, Any]) -> Decoder:
    """The description that a `config.json` of this family stands for."""
    refuse(config, "scale_attn_by_inverse_layer_idx", "add_cross_attention")
    width, depth = whole(config, "n_embd", 768), whole(config, "n_layer", 12)
    block = Block(
        mixer=Attention(
            heads=whole(config, "n_head", 12),
            bias=True,
            scale=None if config.get("scale_attn_weights", True) else 1.0,
            dropout=number(config, "attn_pdrop", 0.1),
        ),
        norm=LayerNorm(eps=number(config, "layer_norm_epsilon", 1e-5)),
        ffn=MLP(
            hidden=whole(config, "n_inner", 4 * width),
            activation=named_activation(config.get("activation_function", "gelu_new")),
            bias=True,
        ),
        dropout=number(config, "resid_pdrop", 0.1),
    )
    return Decoder(
        vocab=whole(config, "vocab_size", 50_257),
        context=whole(config, "n_positions", 1024),
        positions=LearnedPositions(),
        tied=bool(config.get("tie_word_embeddings", True)),
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(depth),
        dropout=number(config, "embd_pdrop", 0.1),
    )


def to_config(description: Decoder) -> dict[str, Any]:
    """The entries of `config.json` that describe the network."""
    block = description.stack.blocks[0]
    if not isinstance(block.ffn, MLP):
        raise ModelError("a block of GPT-2 has a feed-forward; this one has none")
    return {
        "vocab_size": description.vocab,
        "n_positions": description.context,
        "n_embd": description.stack.width,
        "n_layer": description.stack.depth,
        "n_head": block.attention.heads,
        "n_inner": block.ffn.hidden,
        "activation_function": activation_name(block.ffn.activation),
        "layer_norm_epsilon": block.norm.eps,
        "scale_attn_weights": block.attention.scale is None,
        "attn_pdrop": block.attention.dropout,
        "resid_pdrop": block.dropout,
        "embd_pdrop": description.dropout,
        "tie_word_embeddings": description.tied,
    }


GPT2 = Family(
    architecture="GPT2LMHeadModel",
    base="GPT2Model",
    model_type="gpt2",
    prefix="transformer.",
    ignored=(r"transformer\.h\.\d+\.attn\.(bias|masked_bias)",),
    from_config=from_config,
    to_config=to_config,
    weights=weights,
    unread=("n_ctx",),  # n_positions again
)
