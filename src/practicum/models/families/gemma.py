"""Gemma 1, 2 and 3 (Gemma Team 2024, 2024, 2025), the open relatives of Gemini.

In all three the embeddings are multiplied by √width and are the output matrix, too, gains are
1 + weight, feed-forwards are GeGLU with the tanh form of GELU, and heads have a width of their own.
Gemma 2 adds a norm after every part, bounds on scores and logits, and a window in every other
layer. Gemma 3 drops the bounds, norms queries and keys, and has a window in all but every sixth
layer; those have a larger rotary base than the layers with a window.

In bfloat16 the `transformers` library rounds √width to that precision before it multiplies
(√2048 = 45.2548… becomes 45.25); here the product with √width itself is rounded, once.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from practicum.kernels.activations import Activation
from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.positions import Rope
from practicum.nn.rope_scaling import RopeScaling
from practicum.nn.stack import Block, Stack


def gemma(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int,
    hidden: int,
    head_width: int = 256,
    vocab: int = 256_000,
    context: int = 8192,
    base: float = 10_000.0,
    eps: float = 1e-6,
    tied: bool = True,
) -> Decoder:
    """The Gemma 1 of this shape; `kv_heads=1` is multi-query attention, as in the 2B."""
    mixer = _attention(width, heads, kv_heads, head_width, Rope(base=base))
    return of_mixers(
        [mixer] * depth,
        width=width,
        hidden=hidden,
        vocab=vocab,
        context=context,
        norms="before",
        eps=eps,
        tied=tied,
    )


def gemma2(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int,
    hidden: int,
    head_width: int = 256,
    vocab: int = 256_000,
    context: int = 8192,
    window: int = 4096,
    query: int | None = None,
    base: float = 10_000.0,
    score_cap: float = 50.0,
    cap: float = 30.0,
    eps: float = 1e-6,
    tied: bool = True,
) -> Decoder:
    """The Gemma 2 of this shape: layers 0, 2, … have the window, scores the scale 1/√query.

    `query` None: the head width. `score_cap` bounds scores and `cap` logits (report, §2).
    """
    mixer = replace(
        _attention(width, heads, kv_heads, head_width, Rope(base=base)),
        scale=query_scale(query, head_width),
        cap=score_cap,
    )
    return of_mixers(
        [replace(mixer, window=window) if local else mixer for local in windowed(depth, 2)],
        width=width,
        hidden=hidden,
        vocab=vocab,
        context=context,
        norms="both",
        cap=cap,
        eps=eps,
        tied=tied,
    )


def gemma3(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int,
    hidden: int,
    head_width: int = 256,
    vocab: int = 262_144,
    context: int = 32_768,
    window: int = 512,
    every: int = 6,
    query: int | None = None,
    base: float = 1_000_000.0,
    local_base: float = 10_000.0,
    scaling: RopeScaling | None = None,
    cap: float | None = None,
    eps: float = 1e-6,
    tied: bool = True,
) -> Decoder:
    """The text network of the Gemma 3 of this shape; every `every`-th layer sees everything.

    `base` and `scaling` are those layers' rotary positions, `local_base` that of the others.
    """
    everywhere = replace(
        _attention(width, heads, kv_heads, head_width, Rope(base=base, scaling=scaling)),
        scale=query_scale(query, head_width),
        qk_norm=RMSNorm(eps=eps, plus_one=True),
    )
    near = replace(everywhere, window=window, positions=Rope(base=local_base))
    return of_mixers(
        [near if local else everywhere for local in windowed(depth, every)],
        width=width,
        hidden=hidden,
        vocab=vocab,
        context=context,
        norms="both",
        cap=cap,
        eps=eps,
        tied=tied,
    )


def of_mixers(
    mixers: Sequence[Attention],
    *,
    width: int,
    hidden: int,
    vocab: int,
    context: int,
    norms: Literal["before", "both"],
    eps: float,
    activation: Activation = "gelu_tanh",
    cap: float | None = None,
    tied: bool = True,
) -> Decoder:
    """What every Gemma is around the attention of its layers."""
    blocks = tuple(
        Block(
            mixer=mixer,
            ffn=MLP(hidden=hidden, activation=activation, gated=True),
            norm=RMSNorm(eps=eps, plus_one=True),
            norms=norms,
        )
        for mixer in mixers
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=tied,
        scaled=width**0.5,
        cap=cap,
        stack=Stack(width=width, depth=len(blocks), block=_shortest(blocks)),
        initial=INITIAL,
    )


def windowed(depth: int, every: int) -> list[bool]:
    """Which layers have a window: all but every `every`-th."""
    return [bool((layer + 1) % every) for layer in range(depth)]


def query_scale(query: int | None, head_width: int) -> float | None:
    """What scores are multiplied by, 1/√query; None where that is what every head width gives."""
    return None if query in (None, head_width) else query**-0.5


def _attention(
    width: int, heads: int, kv_heads: int, head_width: int, positions: Rope
) -> Attention:
    return Attention(
        heads=heads,
        kv_heads=None if kv_heads == heads else kv_heads,
        head_width=None if head_width * heads == width else head_width,
        positions=positions,
    )


def _shortest(blocks: tuple[Block, ...]) -> Block | tuple[Block, ...]:
    """The pattern that repeats into `blocks`."""
    count = len(blocks)
    for length in range(1, count + 1):
        pattern = blocks[:length]
        if count % length == 0 and pattern * (count // length) == blocks:
            return pattern if length > 1 else pattern[0]
    return blocks


# The reports do not state how weights start; N(0, 0.02) is the convention, and gains start at 1.
INITIAL = (
    Rule(names="*.bias", start=Constant(value=0.0)),
    Rule(names="*norm*.weight", start=Constant(value=0.0)),  # to which 1 is added
    Rule(names="*", start=Normal(std=0.02)),
)

# Shapes are those of the code released with the weights (google-deepmind/gemma, gm/nn/_gemma.py)
# and of the files for `transformers`, where Gemma 2 has 256,000 tokens and not 256,128 rows;
# counts are the released files'. Gemma 3 of 4B and more reads images, too, and is not here.
SIZES = {
    "2B": (gemma(width=2048, depth=18, heads=8, kv_heads=1, hidden=16_384), 2_506_172_416),
    "7B": (gemma(width=3072, depth=28, heads=16, kv_heads=16, hidden=24_576), 8_537_680_896),
    "2-2B": (gemma2(width=2304, depth=26, heads=8, kv_heads=4, hidden=9216), 2_614_341_888),
    "2-9B": (gemma2(width=3584, depth=42, heads=16, kv_heads=8, hidden=14_336), 9_241_705_984),
    "2-27B": (
        gemma2(
            width=4608,
            depth=46,
            heads=32,
            kv_heads=16,
            hidden=36_864,
            head_width=128,
            query=144,  # width / heads
        ),
        27_227_128_320,
    ),
    "3-270M": (gemma3(width=640, depth=18, heads=4, kv_heads=1, hidden=2048), 268_098_176),
    "3-1B": (gemma3(width=1152, depth=26, heads=4, kv_heads=1, hidden=6912), 999_885_952),
}
