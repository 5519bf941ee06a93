"""GPT-2 (Radford et al. 2019): pre-norm, learned positions, tied embeddings, biases everywhere."""

from practicum.models.decoder import Decoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import LearnedPositions
from practicum.nn.stack import Block, Stack


def gpt2(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int = 50_257,
    context: int = 1024,
    dropout: float = 0.0,
    std: float = 0.02,
) -> Decoder:
    """The GPT-2 of this shape: LayerNorm ε 1e-5, GELU in its tanh form, feed-forward 4 × width.

    `std` is the spread of the initial weights: 0.02 in the paper's sizes, near their 1/√width.
    """
    block = Block(
        mixer=Attention(heads=heads, bias=True, dropout=dropout),
        norm=LayerNorm(eps=1e-5),
        ffn=MLP(hidden=4 * width, activation="gelu_tanh", bias=True),
        dropout=dropout,
    )
    return Decoder(
        vocab=vocab,
        context=context,
        positions=LearnedPositions(),
        tied=True,
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(depth, std),
        dropout=dropout,
    )


def initial(depth: int, std: float = 0.02) -> tuple[Rule, ...]:
    """N(0, std); the two matrices that write to the stream in each block, N(0, std/√(2·depth)).

    §2.3: weights of residual layers are scaled by 1/√N, N the number of residual layers. The
    released code draws positions at half the others' deviation, 0.01 for 0.02.
    """
    residual = Normal(std=std / (2 * depth) ** 0.5)
    return (
        Rule(names="*.bias", start=Constant(value=0.0)),
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="positions.weight", start=Normal(std=std / 2)),
        Rule(names="*.mixer.out.weight", start=residual),
        Rule(names="*.ffn.down.weight", start=residual),
        Rule(names="*", start=Normal(std=std)),
    )


# Table 2 gives the shapes; its counts (117M, 345M, 762M, 1542M) were later corrected to these.
SIZES = {
    "small": (gpt2(width=768, depth=12, heads=12), 124_439_808),
    "medium": (gpt2(width=1024, depth=24, heads=16), 354_823_168),
    "large": (gpt2(width=1280, depth=36, heads=20), 774_030_080),
    "xl": (gpt2(width=1600, depth=48, heads=25), 1_557_611_200),
}
