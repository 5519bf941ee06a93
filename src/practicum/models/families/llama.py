"""LLaMA (Touvron et al. 2023): RMSNorm, SwiGLU, rotary positions, no biases."""

from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def llama(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int | None = None,
    hidden: int | None = None,
    vocab: int = 32_000,
    context: int = 2048,
    base: float = 10_000.0,
    eps: float = 1e-6,
    tied: bool = False,
) -> Decoder:
    """The LLaMA of this shape; `hidden` defaults to the paper's 256·⌈(2/3·4·width)/256⌉ (§2.2)."""
    block = Block(
        mixer=Attention(heads=heads, kv_heads=kv_heads, positions=Rope(base=base)),
        norm=RMSNorm(eps=eps),
        ffn=MLP(hidden=hidden or swiglu_hidden(width), activation="silu", gated=True),
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=tied,
        stack=Stack(width=width, depth=depth, block=block),
        initial=INITIAL,
    )


def swiglu_hidden(width: int, multiple: int = 256) -> int:
    """2/3 of 4·width, so that three matrices cost what two did, rounded up to `multiple`."""
    return multiple * -(-(8 * width // 3) // multiple)


# The paper does not state how weights start; N(0, 0.02) is the convention of its successors.
INITIAL = (
    Rule(names="*.bias", start=Constant(value=0.0)),
    Rule(names="*norm.weight", start=Constant(value=1.0)),
    Rule(names="*", start=Normal(std=0.02)),
)

# Table 2 of the paper; counts recomputed from the released shapes.
SIZES = {
    "7B": (llama(width=4096, depth=32, heads=32), 6_738_415_616),
    "13B": (llama(width=5120, depth=40, heads=40), 13_015_864_320),
    "33B": (llama(width=6656, depth=60, heads=52), 32_528_943_616),
    "65B": (llama(width=8192, depth=80, heads=64), 65_285_660_672),
    "smollm2-135M": (
        llama(
            width=576,
            depth=30,
            heads=9,
            kv_heads=3,
            hidden=1536,
            vocab=49_152,
            context=8192,
            base=100_000.0,
            eps=1e-5,
            tied=True,
        ),
        134_515_008,
    ),
}
