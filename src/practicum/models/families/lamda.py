"""LaMDA (Thoppilan et al. 2022): a decoder with T5's relative positions and a gated GELU.

Norms before each part that only scale, and matrices without biases, are T5's as well; the paper
does not mention them.
"""

from practicum.models.decoder import Decoder
from practicum.models.families.llama import INITIAL
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.relative import Buckets
from practicum.nn.stack import Block, Stack


def lamda(
    *,
    width: int,
    depth: int,
    heads: int,
    head_width: int = 128,
    hidden: int | None = None,
    vocab: int = 32_000,
    context: int = 1024,
    tied: bool = True,
) -> Decoder:
    """The LaMDA of this shape; `hidden` defaults to 8 × width, in each of three matrices.

    All heads together may be wider than the stream. `context` is what it is trained on, and no
    limit. It is not published, nor is how weights start and whether the scores are `tied` to the
    embedding.
    """
    block = Block(
        mixer=Attention(heads=heads, head_width=head_width, relative=Buckets()),
        norm=RMSNorm(),
        ffn=MLP(hidden=hidden or 8 * width, activation="gelu_tanh", gated=True),
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=tied,
        stack=Stack(width=width, depth=depth, block=block),
        initial=INITIAL,
    )


# The paper counts only what multiplies: 2,097,152,000, 8,589,934,592 and 137,438,953,472. In these
# are the embedding, the gains of norms and the table of relative positions, too.
SIZES = {
    "2B": (lamda(width=2560, depth=10, heads=40), 2_179_127_040),
    "8B": (lamda(width=4096, depth=16, heads=64), 8_721_143_808),
    "137B": (lamda(width=8192, depth=64, heads=128), 137_702_158_336),
}
