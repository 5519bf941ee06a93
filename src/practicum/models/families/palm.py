"""PaLM (Chowdhery et al. 2022): parallel blocks, one key-value head, SwiGLU, and no biases.

    y = x + MLP(LN(x)) + Attention(LN(x))    with one LN of both    (§2)

Scores are E h/√d with the shared embedding E, whose numbers start as N(0, 1) (§5). Here the matrix
holds E/√d, and its vectors are multiplied by √d as they are looked up: the same function, and the
same start. A step relative to a matrix's own size, as the paper's optimiser takes it, is the same
as well; one of a fixed size, as Adam's, is not.
"""

from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def palm(
    *,
    width: int,
    depth: int,
    heads: int,
    kv_heads: int = 1,
    head_width: int = 256,
    hidden: int | None = None,
    vocab: int = 256_000,
    context: int = 2048,
    parallel: bool = True,
) -> Decoder:
    """The PaLM of this shape; `hidden` defaults to 4 × width, in each of three matrices.

    The heads together may be narrower than the stream, as in the largest size. With `parallel` off
    the feed-forward reads, after a norm of its own, what attention has written.
    """
    hidden = hidden or 4 * width
    block = Block(
        mixer=Attention(heads=heads, kv_heads=kv_heads, head_width=head_width, positions=Rope()),
        norm=LayerNorm(bias=False),
        ffn=MLP(hidden=hidden, activation="silu", gated=True),
        parallel=parallel,
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=True,
        scaled=width**0.5,
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(width=width, mixed=heads * head_width, hidden=hidden),
    )


def initial(*, width: int, mixed: int, hidden: int) -> tuple[Rule, ...]:
    """Every matrix starts as N(0, 1/n), n the number of its inputs (§5: "fan-in scaling").

    `mixed` is how many numbers all heads bring together.
    """
    return (
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="*.mixer.out.weight", start=Normal(std=mixed**-0.5)),
        Rule(names="*.ffn.down.weight", start=Normal(std=hidden**-0.5)),
        Rule(names="*", start=Normal(std=width**-0.5)),  # the embedding, too: E/√d
    )


# Table 1, where they are 8.63, 62.50 and 540.35 billion; the gains of the norms are in these.
SIZES = {
    "8B": (palm(width=4096, depth=32, heads=16), 8_632_012_800),
    "62B": (palm(width=8192, depth=64, heads=32), 62_495_662_080),
    "540B": (palm(width=18_432, depth=118, heads=48), 540_356_474_880),
}
