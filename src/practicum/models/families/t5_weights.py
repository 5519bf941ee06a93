"""Weights and configurations of T5 and mT5 under the names of `transformers`.

Which kind a T5 is stands in `scale_decoder_outputs`, and where that entry is missing in
`tie_word_embeddings`, which newer releases of the library set to true whatever the file says: a T5
of the paper scores by its embedding, times 1/√width; T5.1.1 has a matrix for it and rescales
nothing. A matrix that equals the embedding is not in their files: then ours is read from there. An
mT5 never rescales.

No entry is read that says how long a text may be: distances have no end. Where a sentence ends
(`</s>`) and that an answer begins after the padding are the tokenizer's business, and this file's
only to write.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practicum.errors import ModelError
from practicum.models.encoder_decoder import EncoderDecoder
from practicum.models.families.t5 import t5
from practicum.models.foreign_config import (
    activation_name,
    defaulted,
    named_activation,
    number,
    whole,
)
from practicum.models.weight_table import Family, Part, Row
from practicum.nn.mlp import MLP
from practicum.nn.relative import Buckets
from practicum.nn.stack import Block, Stack

PADDING = 0  # of every released vocabulary; an answer begins after it


def weights(description: EncoderDecoder) -> Iterator[Row]:
    """Our parameters and theirs."""
    yield from _all_but_head(description)
    if description.shared == "embeddings":
        yield Row("head.weight", (Part(name="lm_head.weight"),))


def embedding_as_head(description: EncoderDecoder) -> Iterator[Row]:
    """The same where the scores' matrix was the embedding, and so was not stored."""
    yield from _all_but_head(description)
    if description.shared == "embeddings":
        yield Row("head.weight", (Part(name="shared.weight"),))


def _all_but_head(description: EncoderDecoder) -> Iterator[Row]:
    yield Row("source_embedding.weight", (Part(name="shared.weight"),))
    for side, stack in (("encoder", description.encoder), ("decoder", description.decoder)):
        table = "layer.0.SelfAttention.relative_attention_bias.weight"
        yield Row(f"{side}.blocks.0.mixer.relative.weight", (Part(name=f"{side}.block.0.{table}"),))
        for layer, block in enumerate(stack.blocks):
            yield from _block(block, stack, f"{side}.blocks.{layer}", f"{side}.block.{layer}")
        yield Row(f"{side}.final_norm.weight", (Part(name=f"{side}.final_layer_norm.weight"),))


def _block(block: Block, stack: Stack, ours: str, theirs: str) -> Iterator[Row]:
    kinds = {"mixer": "SelfAttention"} | ({"cross": "EncDecAttention"} if block.cross else {})
    inner = block.attention.heads * block.attention.width_per_head(stack.width)
    for place, (part, kind) in enumerate(kinds.items()):
        layer = f"{theirs}.layer.{place}"
        yield Row(f"{ours}.{part}_norm.weight", (Part(name=f"{layer}.layer_norm.weight"),))
        qkv = (Part(name=f"{layer}.{kind}.{name}.weight", rows=inner) for name in "qkv")
        yield Row(f"{ours}.{part}.qkv.weight", tuple(qkv))
        yield Row(f"{ours}.{part}.out.weight", (Part(name=f"{layer}.{kind}.o.weight"),))
    layer, mlp = f"{theirs}.layer.{len(kinds)}", _mlp(block)
    yield Row(f"{ours}.ffn_norm.weight", (Part(name=f"{layer}.layer_norm.weight"),))
    ups = ("wi_0", "wi_1") if mlp.gated else ("wi",)
    up = (Part(name=f"{layer}.DenseReluDense.{name}.weight", rows=mlp.hidden) for name in ups)
    yield Row(f"{ours}.ffn.up.weight", tuple(up))
    yield Row(f"{ours}.ffn.down.weight", (Part(name=f"{layer}.DenseReluDense.wo.weight"),))


def _mlp(block: Block) -> MLP:
    if not isinstance(block.ffn, MLP):
        raise ModelError("every block of a T5 has a feed-forward, and no experts")
    return block.ffn


def from_t5(config: Mapping[str, Any]) -> EncoderDecoder:
    """The description that a `config.json` of T5 stands for."""
    named, scaled = config.get("tie_word_embeddings"), config.get("scale_decoder_outputs")
    return _encoder_decoder(config, tied=named is not False if scaled is None else bool(scaled))


def from_mt5(config: Mapping[str, Any]) -> EncoderDecoder:
    """The same of mT5."""
    return _encoder_decoder(defaulted(config, _MT5_DEFAULTS), tied=False)


# What a configuration leaves out where it is as the original's own default.
_MT5_DEFAULTS: dict[str, Any] = {
    "vocab_size": 250_112,
    "d_ff": 1024,
    "num_layers": 8,
    "num_heads": 6,
    "feed_forward_proj": "gated-gelu",
}


def _encoder_decoder(config: Mapping[str, Any], *, tied: bool) -> EncoderDecoder:
    depth = whole(config, "num_layers", 6)
    # what these two words say is spelled out in two entries of newer files, which then count
    first, _, last = (config.get("feed_forward_proj") or "relu").rpartition("-")
    named = "gelu_new" if (first, last) == ("gated", "gelu") else last
    gated = config.get("is_gated_act")
    if first not in ("", "gated"):
        raise ModelError(
            f"feed_forward_proj is {config['feed_forward_proj']!r}; expected the name of an "
            "activation, or gated- and one"
        )
    return t5(
        width=whole(config, "d_model", 512),
        depth=depth,
        decoder_depth=whole(config, "num_decoder_layers", depth),
        heads=whole(config, "num_heads", 8),
        head_width=whole(config, "d_kv", 64),
        hidden=whole(config, "d_ff", 2048),
        vocab=whole(config, "vocab_size", 32_128),
        activation=named_activation(config.get("dense_act_fn") or named),
        gated=first == "gated" if gated is None else bool(gated),
        tied=tied,
        buckets=whole(config, "relative_attention_num_buckets", 32),
        far=whole(config, "relative_attention_max_distance", 128),
        eps=number(config, "layer_norm_epsilon", 1e-6),
        dropout=number(config, "dropout_rate", 0.1),
    )


def to_config(description: EncoderDecoder) -> dict[str, Any]:
    """The `config.json` entries of this description. Raises ModelError where it has none."""
    block = description.decoder.blocks[0]
    mixer, mlp, table = block.attention, _mlp(block), block.attention.relative
    if not isinstance(table, Buckets):
        raise ModelError("a T5 orders tokens by buckets of distances")
    tied = description.shared == "all"
    plain = activation_name(mlp.activation)
    named = "gelu" if plain == "gelu_new" else plain
    return {
        "vocab_size": description.target_vocab,
        "d_model": description.decoder.width,
        "d_kv": mixer.width_per_head(description.decoder.width),
        "d_ff": mlp.hidden,
        "num_layers": description.encoder.depth,
        "num_decoder_layers": description.decoder.depth,
        "num_heads": mixer.heads,
        "relative_attention_num_buckets": table.count,
        "relative_attention_max_distance": table.far,
        "dropout_rate": description.dropout,
        "layer_norm_epsilon": block.norm.eps,
        "feed_forward_proj": f"gated-{named}" if mlp.gated else plain,
        "dense_act_fn": plain,
        "is_gated_act": mlp.gated,
        "tie_word_embeddings": tied,
        "scale_decoder_outputs": tied,
        "is_encoder_decoder": True,
        "pad_token_id": PADDING,
        "decoder_start_token_id": PADDING,
    }


T5 = Family(
    architecture="T5ForConditionalGeneration",
    base="T5WithLMHeadModel",  # its name in the library's first releases; a body alone has no head
    model_type="t5",
    describes=EncoderDecoder,
    prefix="",
    ignored=(
        r"(en|de)coder\.embed_tokens\.weight",  # the shared one again
        r"lm_head\.weight",  # likewise, where it is not a matrix of its own
        # in the first released weights, and used by nothing
        r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",
    ),
    from_config=from_t5,
    to_config=to_config,
    weights=weights,
    others=(embedding_as_head,),
    unread=("n_positions",),
)
MT5 = replace(
    T5,
    architecture="MT5ForConditionalGeneration",
    base="MT5WithLMHeadModel",
    model_type="mt5",
    from_config=from_mt5,
    unread=("n_positions", "tie_word_embeddings"),
)
