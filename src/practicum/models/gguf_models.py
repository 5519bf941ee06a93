"""Networks in GGUF files: the metadata as a description, the tensors as its weights.

A file keeps the rows of W_q and W_k as the original LLaMA code turns them, in adjacent pairs, and
leaves out the output matrix where it is the embedding. Weights are decoded to float32 one tensor at
a time. Known is the `llama` architecture without scaled positions and without experts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from practicum.errors import ModelError
from practicum.kernels.ggml_blocks import FORMATS, decode_blocks
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.families.llama import llama
from practicum.models.gguf import GGUF
from practicum.models.stored_network import StoredNetwork
from practicum.models.weight_table import Part, Row, adjacent_pairs
from practicum.nn.stack import Block


def read_model(
    file: GGUF, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> DecoderModel:
    """The network in the file.

    Raises ModelError: an architecture or feature that is not built. CheckpointError: weights that
    do not match the metadata.
    """
    return cast(DecoderModel, open_model(file).load(dtype=dtype, device=device))


def open_model(file: GGUF) -> StoredNetwork:
    """The network in the file, its weights not yet decoded. Raises as `read_model`."""
    try:
        description = describe(file)
    except ModelError as problem:
        raise ModelError(f"{file.path}: {problem}") from problem
    return StoredNetwork(
        description=description,
        rows=tuple(weights(description)),
        source=_Decoded(file),
        dtype=torch.float32,
    )


def describe(file: GGUF) -> Decoder:
    """The description that the metadata stands for."""
    architecture = file.metadata.get("general.architecture")
    if architecture != "llama":
        raise ModelError(
            f"the architecture {architecture!r} is not built; GGUF files that can be loaded: llama"
        )
    return _llama(_Entries(file.metadata, "llama."), file)


def weights(description: Decoder) -> Iterator[Row]:
    """Our parameters and the names of a `llama` file."""
    yield Row("embedding.weight", (Part(name="token_embd.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        yield from _block(block, description.stack.width, layer)
    yield Row("stack.final_norm.weight", (Part(name="output_norm.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="output.weight"),))


def _block(block: Block, width: int, layer: int) -> Iterator[Row]:
    ours, theirs, mixer, mlp = f"stack.blocks.{layer}", f"blk.{layer}", block.attention, block.ffn
    assert mlp is not None, "a llama block has a feed-forward"
    kv_heads = mixer.kv_heads or mixer.heads
    per_head = mixer.width_per_head(width)
    yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.attn_norm.weight"),))
    qkv = (
        Part(
            name=f"{theirs}.attn_q.weight",
            rows=mixer.heads * per_head,
            view=adjacent_pairs(mixer.heads),
        ),
        Part(
            name=f"{theirs}.attn_k.weight", rows=kv_heads * per_head, view=adjacent_pairs(kv_heads)
        ),
        Part(name=f"{theirs}.attn_v.weight", rows=kv_heads * per_head),
    )
    yield Row(f"{ours}.mixer.qkv.weight", qkv)
    yield Row(f"{ours}.mixer.out.weight", (Part(name=f"{theirs}.attn_output.weight"),))
    yield Row(f"{ours}.ffn_norm.weight", (Part(name=f"{theirs}.ffn_norm.weight"),))
    gated = (
        Part(name=f"{theirs}.ffn_gate.weight", rows=mlp.hidden),
        Part(name=f"{theirs}.ffn_up.weight", rows=mlp.hidden),
    )
    yield Row(f"{ours}.ffn.up.weight", gated)
    yield Row(f"{ours}.ffn.down.weight", (Part(name=f"{theirs}.ffn_down.weight"),))


class _Decoded:
    """The file's tensors, decoded when asked for."""

    def __init__(self, file: GGUF) -> None:
        self.file = file
        self.where = str(file.path)
        self.shapes = {name: tensor.shape for name, tensor in file.tensors.items()}

    def dtype_of(self, name: str) -> torch.dtype:
        return torch.float32

    def read_into(self, name: str, out: Tensor) -> None:
        tensor = self.file.tensors[name]
        decode_blocks(tensor.stored, FORMATS[tensor.type], out.view(-1))


class _Entries:
    """Metadata under one prefix; what is there but not built is refused by name."""

    def __init__(self, metadata: Mapping[str, Any], prefix: str) -> None:
        self.metadata, self.prefix = metadata, prefix

    def whole(self, key: str, default: int | None = None) -> int:
        value = self.metadata.get(self.prefix + key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{self.prefix}{key} is {value!r}; expected a positive whole number")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.metadata.get(self.prefix + key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ModelError(f"{self.prefix}{key} is {value!r}; expected a number")
        return float(value)

    def refuse(self, key: str, *plain: Any) -> None:
        value = self.metadata.get(self.prefix + key)
        if value is not None and value not in plain:
            raise ModelError(f"the file sets {self.prefix}{key} = {value!r}, which is not built")


def _llama(entries: _Entries, file: GGUF) -> Decoder:
    entries.refuse("rope.scaling.type", "none")
    entries.refuse("rope.scale_linear", 1.0)
    entries.refuse("expert_count", 0)
    entries.refuse("attention.sliding_window", 0)
    if "rope_freqs.weight" in file.tensors:
        raise ModelError("the file scales its rotary positions (rope_freqs.weight); not built")
    if "token_embd.weight" not in file.tensors:
        raise ModelError("the file has no token_embd.weight; it is not a language model")
    width, heads = entries.whole("embedding_length"), entries.whole("attention.head_count")
    head_width = entries.whole("attention.key_length", width // heads)
    entries.refuse("attention.value_length", head_width)
    entries.refuse("rope.dimension_count", head_width)
    kv_heads = entries.whole("attention.head_count_kv", heads)
    description = llama(
        width=width,
        depth=entries.whole("block_count"),
        heads=heads,
        kv_heads=None if kv_heads == heads else kv_heads,
        hidden=entries.whole("feed_forward_length"),
        vocab=file.tensors["token_embd.weight"].shape[0],
        context=entries.whole("context_length"),
        base=entries.number("rope.freq_base", 10_000.0),
        eps=entries.number("attention.layer_norm_rms_epsilon", 1e-5),
        tied="output.weight" not in file.tensors,
    )
    if head_width * heads == width:
        return description
    return _with_head_width(description, head_width)


def _with_head_width(description: Decoder, head_width: int) -> Decoder:
    block = description.stack.blocks[0]
    block = replace(block, mixer=replace(block.attention, head_width=head_width))
    return replace(description, stack=replace(description.stack, block=block))
