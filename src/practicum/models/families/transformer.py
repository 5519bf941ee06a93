"""The Transformer of the paper (Vaswani et al. 2017) and that of The Annotated Transformer.

The paper's has a norm after each sum, one matrix for source, target and scores, and attention
without biases; Glorot's uniform weights and N(0, 1/width) embeddings are those of its code. The
annotated one has norms before each part and after each stack, of a kind of its own, three separate
matrices, biases everywhere, and Glorot's weights for all that are matrices.
"""

from dataclasses import replace

from practicum.models.encoder import Encoder
from practicum.models.encoder_decoder import EncoderDecoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule, Uniform, glorot
from practicum.nn.mlp import MLP
from practicum.nn.norms import DeviationNorm, LayerNorm
from practicum.nn.positions import LearnedPositions, SinusoidalPositions
from practicum.nn.stack import Block, Stack

Positions = LearnedPositions | SinusoidalPositions | None
SINUSOIDAL = SinusoidalPositions()


def transformer(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int,
    context: int = 512,
    hidden: int | None = None,
    head_width: int | None = None,
    dropout: float = 0.1,
    positions: Positions = SINUSOIDAL,
    source_vocab: int | None = None,
) -> EncoderDecoder:
    """`depth` blocks on either side; `hidden` None is 4 × width.

    `head_width` (Table 3's d_k) is of queries and keys alone; values have width / heads.
    With a `source_vocab` of its own the source has an embedding of its own.
    """
    block = _block(width, heads, hidden or 4 * width, head_width, dropout)
    looking = replace(block, cross=block.attention)
    return EncoderDecoder(
        source_vocab=source_vocab or vocab,
        target_vocab=vocab,
        context=context,
        encoder=Stack(width=width, depth=depth, block=block, final_norm=False),
        decoder=Stack(width=width, depth=depth, block=looking, final_norm=False),
        positions=positions,
        shared="all" if source_vocab is None else "output",
        dropout=dropout,
        initial=_initial(width, hidden or 4 * width),
    )


def reader(
    *,
    width: int,
    depth: int,
    heads: int,
    vocab: int,
    outputs: int,
    context: int = 512,
    hidden: int | None = None,
    dropout: float = 0.0,
    positions: Positions = SINUSOIDAL,
) -> Encoder:
    """The paper's encoder alone, with a linear readout of `outputs` numbers at every place."""
    block = _block(width, heads, hidden or 4 * width, None, dropout)
    head = Rule(names="head.weight", start=glorot(width, outputs))
    return Encoder(
        vocab=vocab,
        context=context,
        outputs=outputs,
        stack=Stack(width=width, depth=depth, block=block, final_norm=False),
        positions=positions,
        dropout=dropout,
        initial=(head, *_initial(width, hidden or 4 * width)),
    )


def annotated(
    *,
    width: int = 512,
    depth: int = 6,
    heads: int = 8,
    source_vocab: int,
    target_vocab: int,
    context: int = 5000,
    hidden: int = 2048,
    dropout: float = 0.1,
) -> EncoderDecoder:
    """`make_model` of the article, with its defaults."""

    def stack(*, cross: bool) -> Stack:
        attention = Attention(heads=heads, bias=True, dropout=dropout)
        block = Block(
            mixer=attention,
            cross=attention if cross else None,
            ffn=MLP(hidden=hidden, activation="relu", bias=True, dropout=dropout),
            norm=DeviationNorm(eps=1e-6),
            dropout=dropout,
        )
        return Stack(width=width, depth=depth, block=block)

    return EncoderDecoder(
        source_vocab=source_vocab,
        target_vocab=target_vocab,
        context=context,
        encoder=stack(cross=False),
        decoder=stack(cross=True),
        positions=SinusoidalPositions(),
        shared="nothing",
        bias=True,
        dropout=dropout,
        initial=(
            Rule(names="*norm.bias", start=Constant(value=0.0)),
            Rule(names="*norm.weight", start=Constant(value=1.0)),
            # biases as torch's Linear draws them
            Rule(names="*.down.bias", start=Uniform(bound=hidden**-0.5)),
            Rule(names="*.bias", start=Uniform(bound=width**-0.5)),
            Rule(names="source_embedding.weight", start=glorot(source_vocab, width)),
            Rule(names="target_embedding.weight", start=glorot(target_vocab, width)),
            Rule(names="head.weight", start=glorot(width, target_vocab)),
            Rule(names="*.ffn.*.weight", start=glorot(width, hidden)),
            Rule(names="*", start=glorot(width, width)),
        ),
    )


def _block(width: int, heads: int, hidden: int, head_width: int | None, dropout: float) -> Block:
    values = None if head_width is None else width // heads
    return Block(
        mixer=Attention(heads=heads, head_width=head_width, value_width=values, dropout=dropout),
        ffn=MLP(hidden=hidden, activation="relu", bias=True, dropout=dropout),
        norm=LayerNorm(eps=1e-6),
        norms="after",
        dropout=dropout,
    )


def _initial(width: int, hidden: int) -> tuple[Rule, ...]:
    """Glorot's for each of W_q, W_k, W_v and W_o, though three of them are one matrix here."""
    return (
        Rule(names="*.bias", start=Constant(value=0.0)),
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="*embedding.weight", start=Normal(std=width**-0.5)),
        Rule(names="*positions.weight", start=Normal(std=width**-0.5)),
        Rule(names="*.ffn.*.weight", start=glorot(width, hidden)),
        Rule(names="*", start=glorot(width, width)),
    )


# Table 3. The counts are those of these descriptions; printed are 65M and 213M (rounded, and of a
# vocabulary that is nowhere given exactly).
SIZES = {
    "base": (transformer(width=512, depth=6, heads=8, vocab=37_000), 63_045_632),
    "big": (transformer(width=1024, depth=6, heads=16, vocab=37_000, dropout=0.3), 214_171_648),
}
