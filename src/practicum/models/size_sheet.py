"""What a network of a published size is made of and what it costs, before one number is allocated.

Operations are floating-point, two per weight of every matrix that a token passes through (the
output matrix included, the embedding look-up not, of experts those that read it), four per head
width and visible token in attention, and eight per number of a recurrence's state. Training is
three times reading forward. An encoder-decoder reads as many source tokens as it writes, and what
the source costs is counted with them; its decoding has the source's keys and values ready.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from practicum.models.build import Described, build
from practicum.models.counts import active_parameters
from practicum.models.decoder import Decoder, DecoderModel
from practicum.models.encoder_decoder import EncoderDecoder, EncoderDecoderModel
from practicum.models.narrow_decoder import NarrowDecoderModel
from practicum.nn.attention import Attention
from practicum.nn.experts import ExpertsLayer
from practicum.nn.selective import Selective
from practicum.nn.self_reader import SelfReader
from practicum.nn.stack import Block, BlockLayer, Stack, StackLayer

ATTENTION, RECURRENCE = 4.0, 8.0  # operations per width and visible token, per number of a state


@dataclass(frozen=True, kw_only=True)
class SizeSheet:
    """Parameters by part, bytes at the given precision, operations per token. None: no text."""

    context: int | None
    parameters: int
    active: int  # that a token passes through
    parts: dict[str, int]  # embedding, positions, mixer, cross, ffn, norms, head; whatever it has
    weights_bytes: int
    cache_bytes: int | None  # of one text of `context` tokens, and of a source as long
    training_flops: float | None  # per token, averaged over a text of `context` tokens
    decoding_flops: float | None  # of the token after `context` others


def size_sheet(
    description: Described[nn.Module],
    *,
    context: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> SizeSheet:
    """The sheet of `description` for texts of `context` tokens (None: its own)."""
    model = build(description, device="meta", dtype=dtype)
    parts = _parts(model)
    text = isinstance(description, Decoder | EncoderDecoder)
    length = (context or description.context) if text else None
    cache = training = decoding = None
    if length is not None:
        cache = _cache_bytes(model, length)
        training = 3.0 * (_output(model) + _stacks(model, length, decoding=False))
        decoding = _output(model) + _stacks(model, length, decoding=True)
    total = sum(parts.values())
    return SizeSheet(
        context=length,
        parameters=total,
        active=active_parameters(description) if isinstance(description, Decoder) else total,
        parts=parts,
        weights_bytes=total * dtype.itemsize,
        cache_bytes=cache,
        training_flops=training,
        decoding_flops=decoding,
    )


def _parts(model: nn.Module) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        counts[_part(name)] += parameter.numel()
    return dict(counts)


def _part(name: str) -> str:
    """Of "decoder.blocks.3.cross.qkv.weight": cross."""
    path = name.split(".")
    part = path[path.index("blocks") + 2] if "blocks" in path else path[0]
    if "norm" in name:
        return "norms"
    return next((kind for kind in ("embedding", "positions") if kind in part), part)


def _cache_bytes(model: nn.Module, length: int) -> int:
    if isinstance(model, EncoderDecoderModel):
        width, device = model.description.decoder.width, torch.device("meta")
        memory = torch.empty(1, length, width, device=device, dtype=_dtype(model))
        return model.decoder.new_state(1, length, model.decoder.sources(memory)).nbytes
    return cast(DecoderModel, model).new_state(1, length).nbytes


def _dtype(model: nn.Module) -> torch.dtype:
    return next(model.parameters()).dtype


def _output(model: nn.Module) -> float:
    if isinstance(model, EncoderDecoderModel):
        return 2.0 * model.description.target_vocab * model.description.decoder.width
    weights = cast(DecoderModel, model).output_weight.numel()
    if isinstance(model, NarrowDecoderModel):
        weights += model.embedding.project_in.weight.numel() + model.project_out.weight.numel()
    return 2.0 * weights


def _stacks(model: nn.Module, length: int, *, decoding: bool) -> float:
    """Operations of all blocks per token."""
    total = 0.0
    for stack, description, reads in _stacks_of(model):
        if decoding and reads:
            continue
        layers = zip(stack.blocks, description.blocks, strict=True)
        for layer, block in layers:
            total += _matrices(cast(BlockLayer, layer), decoding=decoding)
            total += _mixing(block, description.width, length, everywhere=decoding or reads)
    return total


def _stacks_of(model: nn.Module) -> Iterator[tuple[StackLayer, Stack, bool]]:
    """Every stack, its description, and whether its tokens see each other both ways."""
    if isinstance(model, EncoderDecoderModel):
        yield model.encoder, model.description.encoder, True
        yield model.decoder, model.description.decoder, False
    elif isinstance(model, DecoderModel):
        yield model.stack, model.description.stack, False


def _matrices(layer: BlockLayer, *, decoding: bool) -> float:
    """Two per weight that is not of a norm, of an expert asleep or of a source already read."""
    weights = 0
    for name, parameter in layer.named_parameters():
        weights += 0 if "norm" in name else parameter.numel()
    if isinstance(layer.ffn, ExpertsLayer):
        stacked = layer.ffn.up.weight.numel() + layer.ffn.down.weight.numel()
        count, top = layer.ffn.description.count, layer.ffn.description.top
        weights -= stacked // count * (count - top)
    if decoding and layer.cross is not None:
        matrix = layer.cross.qkv.weight
        weights -= (matrix.shape[0] - layer.cross.heads * layer.cross.head_width) * matrix.shape[1]
    return 2.0 * weights


def _mixing(block: Block, width: int, length: int, *, everywhere: bool) -> float:
    """What a token's look at others, or a recurrence's step, costs besides its matrices."""
    mixer, cost = block.mixer, 0.0
    if isinstance(mixer, Attention | SelfReader):
        seen = min(mixer.window or length, length)
        if not everywhere:  # averaged over the text's tokens, of which the first see less
            seen = (seen * (seen + 1) / 2 + (length - seen) * seen) / length
        cost += ATTENTION * seen * _looked(mixer, width)
    elif isinstance(mixer, Selective):
        cost += RECURRENCE * mixer.channels(width) * mixer.state
    else:
        cost += RECURRENCE * width * mixer.state
    if block.cross is not None:
        cost += ATTENTION * length * _looked(block.cross, width)
    return cost


def _looked(mixer: Attention | SelfReader, width: int) -> int:
    return mixer.heads * mixer.width_per_head(width) if isinstance(mixer, Attention) else width
