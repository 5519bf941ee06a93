"""OLMo (Groeneveld et al. 2024): SwiGLU, rotary positions, no biases, and norms without parameters.

LN(x) = (x − mean(x)) / √(var(x) + 1e-5)    (§2.1, "non-parametric layer norm")
"""

from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import Rope
from practicum.nn.stack import Block, Stack


def olmo(
    *,
    width: int,
    depth: int,
    heads: int,
    hidden: int,
    vocab: int = 50_304,
    context: int = 2048,
    tied: bool = False,
    clip: float | None = None,
) -> Decoder:
    """The OLMo of this shape; queries, keys and values are cut off at ±`clip` where there is one.

    The tokenizer has 50,280 tokens: the last 24 rows of the embedding only round it up.
    """
    block = Block(
        mixer=Attention(heads=heads, positions=Rope(), clip=clip),
        norm=NORM,
        ffn=MLP(hidden=hidden, activation="silu", gated=True),
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=tied,
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(width=width, depth=depth, hidden=hidden),
    )


NORM = LayerNorm(eps=1e-5, bias=False, weight=False)


def initial(*, width: int, depth: int, hidden: int) -> tuple[Rule, ...]:
    """N(0, 1/n), n the number of a matrix's inputs; less for what writes to the stream.

    The two such matrices of block l = 0, 1, … start as N(0, 1/(2n(l + 1))). The released code cuts
    all of them off at three deviations, which is not done here and would take 1.3 % off each.
    """
    writing = tuple(
        Rule(names=f"stack.blocks.{layer}.{name}.weight", start=Normal(std=_writing(n, layer)))
        for layer in range(depth)
        for name, n in (("mixer.out", width), ("ffn.down", hidden))
    )
    return (*writing, Rule(names="*", start=Normal(std=width**-0.5)))


def _writing(inputs: int, layer: int) -> float:
    return (2 * inputs * (layer + 1)) ** -0.5


# Table 1 of the paper, with the feed-forwards and the tying of the released configurations.
SIZES = {
    "1B": (olmo(width=2048, depth=16, heads=16, hidden=8192, tied=True), 1_176_764_416),
    "7B": (olmo(width=4096, depth=32, heads=32, hidden=11_008), 6_888_095_744),
}
