"""Galactica (Taylor et al. 2022): OPT's shape with GELU and no biases, for scientific text.

The norms have neither gains nor biases, as in the first released weights; later ones are the same
network with gains of one and biases of zero written out. Both are read as OPTs.
"""

from practicum.models.decoder import Decoder
from practicum.models.families.opt import initial
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Block, Stack


def galactica(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int = 50_000,
    context: int = 2048,
    spare: int = 0,
    dropout: float = 0.0,
    std: float = 0.006,
) -> Decoder:
    """The Galactica of this shape: learned positions, tied embeddings, feed-forward 4 × width.

    `spare` positions that no token has stand before the others: 2 in OPT's file format, which has
    no way to say that there are none. The paper trains with a dropout of 0.1 (§4.2).
    """
    block = Block(
        mixer=Attention(heads=heads, dropout=dropout),
        norm=LayerNorm(eps=1e-5, bias=False, weight=False),
        ffn=MLP(hidden=4 * width, activation="gelu"),
        dropout=dropout,
    )
    return Decoder(
        vocab=vocab,
        context=context,
        positions=LearnedPositions(spare=spare),
        tied=True,
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(depth, std),  # the paper gives none: OPT's
    )


# The shapes of §4.1's table; the counts are 12·depth·width² + (50,000 + 2048)·width.
SIZES = {
    "125M": (galactica(width=768, depth=12, heads=12), 124_907_520),
    "1.3B": (galactica(width=2048, depth=24, heads=32), 1_314_553_856),
    "6.7B": (galactica(width=4096, depth=32, heads=32), 6_655_639_552),
    "30B": (galactica(width=7168, depth=48, heads=56), 29_968_089_088),
    "120B": (galactica(width=10_240, depth=96, heads=80), 121_328_926_720),
}
