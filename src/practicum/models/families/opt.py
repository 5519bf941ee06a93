"""OPT (Zhang et al. 2022): a GPT-3 in the open, with ReLU and without dropout on the embeddings.

Two rows of the positions' matrix stand before the first position and are padding's; they count as
parameters. The 350M model, alone in the series, has its norms after the sums, and embeddings that
are narrower than its stack.
"""

from typing import Literal

from practicum.models.decoder import Decoder
from practicum.models.narrow_decoder import narrowed
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Block, Stack

SPARE = 2


def opt(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int = 50_272,
    context: int = 2048,
    norms: Literal["before", "after"] = "before",
    dropout: float = 0.0,
    std: float = 0.006,
) -> Decoder:
    """The OPT of this shape: learned positions, tied embeddings, biases, feed-forward 4 × width.

    With `norms` after each sum there is no last norm either. The paper trains with a dropout of
    0.1 (§2.2); `std` is the spread of the initial weights.
    """
    block = Block(
        mixer=Attention(heads=heads, bias=True, dropout=dropout),
        norm=LayerNorm(eps=1e-5),
        ffn=MLP(hidden=4 * width, activation="relu", bias=True),
        norms=norms,
        dropout=dropout,
    )
    return Decoder(
        vocab=vocab,
        context=context,
        positions=LearnedPositions(spare=SPARE),
        tied=True,
        stack=Stack(width=width, depth=depth, block=block, final_norm=norms == "before"),
        initial=initial(depth, std),
    )


def initial(depth: int, std: float = 0.006) -> tuple[Rule, ...]:
    """N(0, std); the two matrices that write to the stream in each block, N(0, std/√(2·depth)).

    §2.2, with std 0.006 and biases at zero. The learned positions start as the other weights do.
    """
    residual = Normal(std=std / (2 * depth) ** 0.5)
    return (
        Rule(names="*.bias", start=Constant(value=0.0)),
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="*.mixer.out.weight", start=residual),
        Rule(names="*.ffn.down.weight", start=residual),
        Rule(names="*", start=Normal(std=std)),
    )


# Table 1 gives the shapes; the counts are those of the released weights.
SIZES = {
    "125M": (opt(width=768, depth=12, heads=12), 125_239_296),
    "350M": (
        narrowed(opt(width=1024, depth=24, heads=16, norms="after"), 512),
        331_196_416,
    ),
    "1.3B": (opt(width=2048, depth=24, heads=32), 1_315_758_080),
    "2.7B": (opt(width=2560, depth=32, heads=32), 2_651_596_800),
    "6.7B": (opt(width=4096, depth=32, heads=32), 6_658_473_984),
    "13B": (opt(width=5120, depth=40, heads=40), 12_853_473_280),
    "30B": (opt(width=7168, depth=48, heads=56), 29_974_540_288),
    "66B": (opt(width=9216, depth=64, heads=72), 65_719_701_504),
    "175B": (opt(width=12_288, depth=96, heads=96), 174_604_468_224),
}
