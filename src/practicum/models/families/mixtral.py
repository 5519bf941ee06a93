"""Mixtral (Jiang et al. 2024): grouped attention, RMSNorm, and eight experts of which two read."""

from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.nn.attention import Attention
from practicum.nn.experts import Experts
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def mixtral(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int | None = None,
    hidden: int,
    experts: int = 8,
    top: int = 2,
    vocab: int = 32_000,
    context: int = 32_768,
    base: float = 1e6,
) -> Decoder:
    """The Mixtral of this shape; `hidden` is that of one expert. Attention is full (§2)."""
    block = Block(
        mixer=Attention(heads=heads, kv_heads=kv_heads, positions=Rope(base=base)),
        norm=RMSNorm(eps=1e-5),
        ffn=Experts(count=experts, top=top, hidden=hidden),
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=False,
        stack=Stack(width=width, depth=depth, block=block),
        initial=INITIAL,  # the report does not say how weights start
    )


# Table 1; counts recomputed from the released shapes. `models.counts` gives what a token passes.
SIZES = {
    "8x7B": (
        mixtral(width=4096, depth=32, heads=32, kv_heads=8, hidden=14_336),
        46_702_792_704,
    ),
}
ACTIVE = {"8x7B": 12_879_925_248}
