"""Grouping: a trained decoder's key-value heads become fewer (Ainslie et al. 2023, §2.1).

Neighbouring key-value heads, those whose query heads will share one, become their mean: their
matrices' rows are averaged, and their biases. Query heads stay. Where the heads of a group were
alike the network computes what it computed before; else it has to be trained a little further
("uptrained"), the authors take 5 % of the steps.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ModelError
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.linear import LinearLayer
from practicum.nn.stack import Block, BlockLayer


def grouped(description: Decoder, kv_heads: int) -> Decoder:
    """The description with `kv_heads` key-value heads in every block.

    Raises ModelError where a block has another mixer, or heads that cannot be pooled evenly.
    """

    def changed(block: Block) -> Block:
        attention = block.attention
        heads = attention.kv_heads or attention.heads
        if kv_heads < 1 or heads % kv_heads:
            raise ModelError(f"{heads} key-value heads cannot be pooled to {kv_heads} evenly")
        return replace(block, mixer=replace(attention, kv_heads=kv_heads))

    pattern = tuple(changed(block) for block in description.stack.pattern)
    block = pattern if isinstance(description.stack.block, tuple) else pattern[0]
    return replace(description, stack=replace(description.stack, block=block))


def group(model: DecoderModel, kv_heads: int) -> DecoderModel:
    """A network of `grouped(model.description)` with the pooled weights of `model`, which stays."""
    before = dict(model.named_parameters())
    some = next(iter(before.values()))
    description = grouped(model.description, kv_heads)
    made = build(description, device=some.device, dtype=some.dtype)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if parameter.shape == before[name].shape:
                parameter.copy_(before[name])
        for new, old in zip(_blocks(made), _blocks(model), strict=True):
            for part in ("q", "k", "v"):
                _pool(new.attention.qkv, old.attention.qkv, part, kv_heads)
    return made


def _blocks(model: DecoderModel) -> Iterable[BlockLayer]:
    return cast(Iterable[BlockLayer], model.stack.blocks)


def _pool(new: LinearLayer, old: LinearLayer, part: str, kv_heads: int) -> None:
    """Write the rows of one part, pooled where there are fewer than before."""
    into, of = new.rows(part), old.rows(part)
    fewer = (of.stop - of.start) // (into.stop - into.start)
    new.weight[into] = _mean_heads(old.weight[of], kv_heads, fewer)
    if new.bias is not None and old.bias is not None:
        new.bias[into] = _mean_heads(old.bias[of, None], kv_heads, fewer)[:, 0]


def _mean_heads(rows: Float[Tensor, "n d"], kv_heads: int, fewer: int) -> Float[Tensor, "m d"]:
    """The means of every `fewer` neighbouring heads; the rows themselves where that is one."""
    if fewer == 1:
        return rows
    heads = rearrange(rows, "(g r k) d -> g r k d", g=kv_heads, r=fewer)
    return rearrange(heads.mean(1), "g k d -> (g k) d")
