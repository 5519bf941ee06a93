"""phi-1 and phi-1.5 (Gunasekar et al. 2023; Li et al. 2023): small networks for textbook data.

    y = x + Attention(LN(x)) + MLP(LN(x))    with one LN of both    (phi-1, §2.3)

Half of each head is turned by rotary positions, and every matrix has a bias, that of the logits
included. The two papers share one network.
"""

from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def phi(
    *,
    width: int,
    depth: int,
    heads: int,
    hidden: int | None = None,
    vocab: int = 51_200,
    context: int = 2048,
    share: float = 0.5,
    dropout: float = 0.0,
) -> Decoder:
    """The phi of this shape; `hidden` defaults to 4 × width, `share` is the turned part of a head.

    phi-1 is trained with a dropout of 0.1 on attention and on what the parts add (§2.3).
    """
    block = Block(
        mixer=Attention(heads=heads, bias=True, positions=Rope(share=share), dropout=dropout),
        norm=LayerNorm(eps=1e-5),
        ffn=MLP(hidden=hidden or 4 * width, activation="gelu_tanh", bias=True),
        parallel=True,
        dropout=dropout,
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=False,
        bias=True,
        stack=Stack(width=width, depth=depth, block=block),
        initial=INITIAL,
    )


# The papers say "random"; N(0, 0.02) and zeros are what the released configurations give.
INITIAL = (
    Rule(names="*.bias", start=Constant(value=0.0)),
    Rule(names="*norm.weight", start=Constant(value=1.0)),
    Rule(names="*", start=Normal(std=0.02)),
)

# phi-1, §2.3, and phi-1.5, §2.1. The larger count is that of the released weights, the smaller one
# (phi-1-small, which was not released) follows from its shape.
SIZES = {
    "350M": (phi(width=1024, depth=20, heads=16), 356_794_368),
    "1.3B": (phi(width=2048, depth=24, heads=32), 1_418_270_720),
}
