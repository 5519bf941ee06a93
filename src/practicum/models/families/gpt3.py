"""GPT-3 (Brown et al. 2020): GPT-2 with a longer context and a band in every other layer.

§2.1: "alternating dense and locally banded sparse attention patterns in the layers", as in the
Sparse Transformer; all else, how it starts included, is GPT-2's. The dense variant is a GPT-2, and
is written and read as one.
"""

from dataclasses import replace

from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import gpt2


def gpt3(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int = 50_257,
    context: int = 2048,
    band: int | None = 256,
    dropout: float = 0.0,
    std: float = 0.02,
) -> Decoder:
    """The GPT-3 of this shape; in the second layer and every other one a token sees `band` tokens.

    Those are itself and the `band` − 1 before it. The paper does not say how many they are; None
    makes every layer dense. `std` is the spread of the initial weights. Raises ConfigError for a
    band and an odd depth.
    """
    dense = gpt2(
        width=width,
        depth=depth,
        heads=heads,
        vocab=vocab,
        context=context,
        dropout=dropout,
        std=std,
    )
    if band is None:
        return dense
    (block,) = dense.stack.pattern
    banded = replace(block, mixer=replace(block.attention, window=band))
    return replace(dense, stack=replace(dense.stack, block=(block, banded)))


# Table 2.1, with two numbers corrected that contradict the others in it: XL has 16 heads, since
# 24 of the printed width 128 are not 2048 (Bavarian et al. 2022 list 16); 13B has a width of 5120,
# which is 40 · 128 and gives the 12,850M parameters of Table D.1, where 5140 is printed.
SIZES = {
    "small": (gpt3(width=768, depth=12, heads=12), 125_226_240),
    "medium": (gpt3(width=1024, depth=24, heads=16), 355_871_744),
    "large": (gpt3(width=1536, depth=24, heads=16), 760_300_032),
    "XL": (gpt3(width=2048, depth=24, heads=16), 1_315_723_264),
    "2.7B": (gpt3(width=2560, depth=32, heads=32), 2_651_553_280),
    "6.7B": (gpt3(width=4096, depth=32, heads=32), 6_658_404_352),
    "13B": (gpt3(width=5120, depth=40, heads=40), 12_853_386_240),
    "175B": (gpt3(width=12_288, depth=96, heads=96), 174_604_259_328),
}
