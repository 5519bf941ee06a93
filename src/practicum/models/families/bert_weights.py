"""BERT's weights and configuration under the names of `transformers`.

A BertModel's names have no prefix, those of an encoder with a head begin with "bert."; the oldest
files call a norm's weight and bias gamma and beta. A BertForMaskedLM scores by its embedding, and
of a BertForPreTraining the guess at whether two texts follow one another is left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from practicum.errors import ModelError
from practicum.models.families.bert import bert
from practicum.models.foreign_config import activation_name, named_activation, number, refuse, whole
from practicum.models.text_encoder import FirstState, HiddenWords, TextEncoder
from practicum.models.weight_table import Part, Row
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm

PREFIX = "bert."
BODY, HIDDEN_WORDS = "BertModel", ("BertForMaskedLM", "BertForPreTraining")
IGNORED = (
    r"bert\.embeddings\.position_ids",  # 0, 1, 2 …
    r"bert\.pooler\.dense\.(weight|bias)",  # where the head is another one
    r"cls\.(seq_relationship|predictions\.decoder)\.(weight|bias)",  # the latter: shared ones again
)


def weights(description: TextEncoder) -> Iterator[Row]:
    """Our parameters and theirs, with the prefix."""
    made = f"{PREFIX}embeddings"
    yield Row("embedding.weight", (Part(name=f"{made}.word_embeddings.weight"),))
    yield Row("positions.weight", (Part(name=f"{made}.position_embeddings.weight"),))
    yield Row("kind_embedding.weight", (Part(name=f"{made}.token_type_embeddings.weight"),))
    yield from _both("embedding_norm", f"{made}.LayerNorm")
    for layer in range(description.stack.depth):
        ours, theirs = f"stack.blocks.{layer}", f"{PREFIX}encoder.layer.{layer}"
        for kind in ("weight", "bias"):
            names = (f"{theirs}.attention.self.{name}.{kind}" for name in ("query", "key", "value"))
            parts = tuple(Part(name=name, rows=description.stack.width) for name in names)
            yield Row(f"{ours}.mixer.qkv.{kind}", parts)
        yield from _both(f"{ours}.mixer.out", f"{theirs}.attention.output.dense")
        yield from _both(f"{ours}.mixer_norm", f"{theirs}.attention.output.LayerNorm")
        yield from _both(f"{ours}.ffn.up", f"{theirs}.intermediate.dense")
        yield from _both(f"{ours}.ffn.down", f"{theirs}.output.dense")
        yield from _both(f"{ours}.ffn_norm", f"{theirs}.output.LayerNorm")
    yield from _head(description)


def _head(description: TextEncoder) -> Iterator[Row]:
    if isinstance(description.head, FirstState):
        yield from _both("head.out", f"{PREFIX}pooler.dense")
    if isinstance(description.head, HiddenWords):
        yield from _both("head.turn", "cls.predictions.transform.dense")
        yield from _both("head.norm", "cls.predictions.transform.LayerNorm")
        yield Row("head.bias", (Part(name="cls.predictions.bias"),))


def _both(ours: str, theirs: str) -> Iterator[Row]:
    for kind in ("weight", "bias"):
        yield Row(f"{ours}.{kind}", (Part(name=f"{theirs}.{kind}"),))


def whole_name(name: str) -> str:
    """The present name, with the prefix, of a tensor in a file of whatever age."""
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(f"LayerNorm{old}"):
            name = name.removesuffix(old) + new
    return name if name.startswith((PREFIX, "cls.")) else PREFIX + name


def from_config(config: Mapping[str, Any], *, pooled: bool) -> TextEncoder:
    """The description that a `config.json` stands for; `pooled`: the first state's head is there.

    Raises ModelError for an architecture or a feature that is not built.
    """
    refuse(config, "is_decoder", "add_cross_attention", "pruned_heads")
    kind = config.get("position_embedding_type") or "absolute"
    if kind != "absolute":
        raise ModelError(f"position_embedding_type is {kind!r}; only 'absolute' is built")
    eps = number(config, "layer_norm_eps", 1e-12)
    activation = named_activation(config.get("hidden_act", "gelu"))
    width = whole(config, "hidden_size", 768)
    head: FirstState | HiddenWords | None = FirstState() if pooled else None
    tied = config.get("tie_word_embeddings") is not False
    if _architecture(config) in HIDDEN_WORDS:
        if not tied:
            raise ModelError(
                "tie_word_embeddings is false; only a BERT that scores by its embedding is built"
            )
        head = HiddenWords(activation=activation, norm=LayerNorm(eps=eps))
    return bert(
        width=width,
        depth=whole(config, "num_hidden_layers", 12),
        heads=whole(config, "num_attention_heads", 12),
        hidden=whole(config, "intermediate_size", 3072),
        vocab=whole(config, "vocab_size", 30_522),
        context=whole(config, "max_position_embeddings", 512),
        kinds=whole(config, "type_vocab_size", 2),
        activation=activation,
        eps=eps,
        dropout=number(config, "hidden_dropout_prob", 0.1),
        attention_dropout=number(config, "attention_probs_dropout_prob", 0.1),
        head=head,
    )


def _architecture(config: Mapping[str, Any]) -> str:
    listed = config.get("architectures")
    name = listed[0] if isinstance(listed, list) and listed else None
    if name is None and config.get("model_type") == "bert":
        return BODY
    known = (BODY, *HIDDEN_WORDS)
    if name not in known:
        given = name or config.get("model_type") or "model of an unnamed architecture"
        raise ModelError(
            f"it holds a {given}, which is no encoder that is built; those are: {', '.join(known)}"
        )
    return name


def to_config(description: TextEncoder) -> dict[str, Any]:
    """The entries of a `config.json`, the architecture included.

    Raises ModelError where it would be read as another network.
    """
    block = description.stack.blocks[0]
    if not isinstance(block.ffn, MLP):
        raise ModelError("every block of a BERT has a feed-forward, and no experts")
    words = isinstance(description.head, HiddenWords)
    config = {
        "architectures": [HIDDEN_WORDS[0] if words else BODY],
        "model_type": "bert",
        "vocab_size": description.vocab,
        "hidden_size": description.stack.width,
        "num_hidden_layers": description.stack.depth,
        "num_attention_heads": block.attention.heads,
        "intermediate_size": block.ffn.hidden,
        "hidden_act": activation_name(block.ffn.activation),
        "hidden_dropout_prob": description.dropout,
        "attention_probs_dropout_prob": block.attention.dropout,
        "max_position_embeddings": description.context,
        "type_vocab_size": description.kinds,
        "layer_norm_eps": block.norm.eps,
        "position_embedding_type": "absolute",
    }
    again = from_config(config, pooled=isinstance(description.head, FirstState))
    different = [
        name
        for name, value in vars(again).items()
        if name != "initial" and value != vars(description)[name]
    ]  # how weights start is not in a configuration
    if different:
        raise ModelError(f"no BERT is this network: its {', '.join(different)} cannot be written")
    return config
