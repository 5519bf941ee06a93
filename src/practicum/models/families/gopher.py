"""Gopher (Rae et al. 2021): GPT-2 with RMSNorm and the relative positions of Transformer-XL.

A query i scores a key j by (q_i + u)·k_j + (q_i + v)·(W r_{i−j}), with r the sinusoidal vector of
their distance (Dai et al. 2019, §3.3) and W, u and v of every layer's own. u is the queries' bias,
which a GPT-2 has already. A text may be longer than any in training.
"""

from practicum.models.decoder import Decoder
from practicum.models.families.gpt2 import initial
from practicum.nn.attention import Attention
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.relative import Sinusoids
from practicum.nn.stack import Block, Stack


def gopher(
    *,
    width: int,
    depth: int,
    heads: int,
    head_width: int | None = None,
    vocab: int = 32_000,
    context: int = 2048,
    std: float = 0.02,
) -> Decoder:
    """The Gopher of this shape; `context` is what it is trained on, and no limit.

    The paper names two differences from GPT-2 (§3.1), so what it does not mention is taken from
    there: biases, the nonlinearity, and how weights start, with `std` their spread.
    """
    block = Block(
        mixer=Attention(heads=heads, head_width=head_width, bias=True, relative=Sinusoids()),
        norm=RMSNorm(),
        ffn=MLP(hidden=4 * width, activation="gelu_tanh", bias=True),
    )
    return Decoder(
        vocab=vocab,
        context=context,
        tied=True,
        stack=Stack(width=width, depth=depth, block=block),
        initial=initial(depth, std),
    )


# Table 1, where sizes are named by rounded counts; biases and the gains of norms are in these.
SIZES = {
    "44M": (gopher(width=512, depth=8, heads=16), 43_696_640),
    "117M": (gopher(width=768, depth=12, heads=12), 116_699_904),
    "417M": (gopher(width=1536, depth=12, heads=12), 417_424_896),
    "1.4B": (gopher(width=2048, depth=24, heads=16), 1_374_750_720),
    "7.1B": (gopher(width=4096, depth=32, heads=32), 7_111_970_816),
    "280B": (gopher(width=16_384, depth=80, heads=128), 279_712_907_264),
}
