"""Llama in GGUF files.

A file keeps the rows of W_q and W_k as the original LLaMA code turns them, in adjacent pairs, and
leaves out the output matrix where it is the embedding. Scaled positions are not built.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from practicum.models.decoder import Decoder
from practicum.models.families.llama import llama
from practicum.models.gguf import GGUF
from practicum.models.gguf_architecture import (
    Architecture,
    Entries,
    refuse_scaled_positions,
    shape,
)
from practicum.models.weight_table import Part, Row, View, adjacent_pairs
from practicum.nn.stack import Block


def describe(entries: Entries, file: GGUF) -> Decoder:
    """The description that the metadata stands for."""
    refuse_scaled_positions(entries)
    entries.refuse("attention.sliding_window", 0)
    found = shape(entries, file)
    heads, head_width, width = found["heads"], found.pop("head_width"), found["width"]
    if found["kv_heads"] == heads:
        found["kv_heads"] = None
    description = llama(
        **found,
        base=entries.number("rope.freq_base", 10_000.0),
        eps=entries.number("attention.layer_norm_rms_epsilon", 1e-5),
    )
    if head_width * heads == width:
        return description
    block = description.stack.blocks[0]
    block = replace(block, mixer=replace(block.attention, head_width=head_width))
    return replace(description, stack=replace(description.stack, block=block))


def weights(description: Decoder, turned: Callable[[int], View] = adjacent_pairs) -> Iterator[Row]:
    """Our parameters and the names of a file; `turned(heads)` is how it keeps W_q and W_k."""
    yield Row("embedding.weight", (Part(name="token_embd.weight"),))
    for layer, block in enumerate(description.stack.blocks):
        yield from _block(block, description.stack.width, layer, turned)
    yield Row("stack.final_norm.weight", (Part(name="output_norm.weight"),))
    if not description.tied:
        yield Row("head.weight", (Part(name="output.weight"),))


def _block(block: Block, width: int, layer: int, turned: Callable[[int], View]) -> Iterator[Row]:
    ours, theirs, mixer, mlp = f"stack.blocks.{layer}", f"blk.{layer}", block.attention, block.ffn
    assert mlp is not None, "a block has a feed-forward"
    kv_heads = mixer.kv_heads or mixer.heads
    per_head = mixer.width_per_head(width)
    q, kv = mixer.heads * per_head, kv_heads * per_head
    yield Row(f"{ours}.mixer_norm.weight", (Part(name=f"{theirs}.attn_norm.weight"),))
    qkv = (
        Part(name=f"{theirs}.attn_q.weight", rows=q, view=turned(mixer.heads)),
        Part(name=f"{theirs}.attn_k.weight", rows=kv, view=turned(kv_heads)),
        Part(name=f"{theirs}.attn_v.weight", rows=kv),
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


LLAMA = Architecture(name="llama", describe=describe, weights=weights)
