"""Mistral 7B (Jiang et al. 2023): Llama with grouped heads and a window of 4,096 tokens."""

from dataclasses import replace

from practicum.models.decoder import Decoder
from practicum.models.families.llama import llama


def mistral(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int,
    hidden: int,
    window: int | None,
    vocab: int = 32_000,
    context: int = 8192,
) -> Decoder:
    """The Mistral of this shape; a token sees itself and the `window` − 1 before it."""
    plain = llama(
        width=width,
        depth=depth,
        heads=heads,
        kv_heads=kv_heads,
        hidden=hidden,
        vocab=vocab,
        context=context,
        eps=1e-5,
    )
    block = plain.stack.blocks[0]
    block = replace(block, mixer=replace(block.attention, window=window))
    return replace(plain, stack=replace(plain.stack, block=block))


# Table 1 of the paper; the count is that of the released weights.
SIZES = {
    "7B": (
        mistral(width=4096, depth=32, heads=32, kv_heads=8, hidden=14_336, window=4096),
        7_241_732_096,
    ),
}
