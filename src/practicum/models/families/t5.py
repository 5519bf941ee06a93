"""T5 (Raffel et al. 2019, §2.1) and its relations: text in, text out, one encoder-decoder.

Norms stand before each part and scale alone (RMSNorm), nothing has a bias, and scores of attention
are not divided by √k. What orders tokens is a bias by their distance, one table per stack: the
encoder's tells before from after, the decoder's looks back, cross-attention has none.

    T5              ReLU; one matrix embeds and scores, what is scored is multiplied by 1/√width
    T5.1.1          gated GELU (GEGLU); scores have a matrix of their own, nothing is rescaled
    mT5, Flan-T5    T5.1.1 with other vocabularies or training          Xue et al. 2020, Chung 2022
    ByT5            T5.1.1 on bytes, an encoder three times as deep     Xue et al. 2021, Table 1
    UL2             T5.1.1 with SwiGLU                                  Tay et al. 2022, §5.1
"""

from practicum.kernels.activations import Activation
from practicum.models.encoder_decoder import EncoderDecoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, NormalRows, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import RMSNorm
from practicum.nn.relative import Buckets
from practicum.nn.stack import Block, Stack

CONTEXT = 512  # what they are trained on (§3.1.1), and no limit: distances have no end


def t5(
    *,
    width: int,
    depth: int,
    heads: int,
    hidden: int,
    head_width: int = 64,
    decoder_depth: int | None = None,
    vocab: int = 32_128,
    activation: Activation = "relu",
    gated: bool = False,
    tied: bool = True,
    buckets: int = 32,
    far: int = 128,
    eps: float = 1e-6,
    dropout: float = 0.1,
) -> EncoderDecoder:
    """The T5 of this shape; `decoder_depth` None is `depth`, that of the encoder.

    heads · head_width need not be the width. `dropout` is on embeddings, attention weights, hidden
    units, what each part adds, and what a stack makes. `tied` scores by the embedding, times
    1/√width.
    """
    reading = Buckets(count=buckets, far=far, both_ways=True)
    writing = Buckets(count=buckets, far=far)

    def attention(relative: Buckets | None) -> Attention:
        return Attention(
            heads=heads, head_width=head_width, relative=relative, scale=1.0, dropout=dropout
        )

    def stack(depth: int, relative: Buckets, *, cross: bool) -> Stack:
        block = Block(
            mixer=attention(relative),
            cross=attention(None) if cross else None,
            ffn=MLP(hidden=hidden, activation=activation, gated=gated, dropout=dropout),
            norm=RMSNorm(eps=eps),
            dropout=dropout,
        )
        return Stack(width=width, depth=depth, block=block)

    return EncoderDecoder(
        source_vocab=vocab,
        target_vocab=vocab,
        context=CONTEXT,
        encoder=stack(depth, reading, cross=False),
        decoder=stack(decoder_depth or depth, writing, cross=True),
        positions=None,
        shared="all" if tied else "embeddings",
        scaled=False,
        output_scale=width**-0.5 if tied else 1.0,
        dropout=dropout,
        output_dropout=dropout,
        initial=_initial(width, heads * head_width, head_width, hidden),
    )


def t5_1_1(
    *,
    width: int,
    depth: int,
    heads: int,
    hidden: int,
    head_width: int = 64,
    decoder_depth: int | None = None,
    vocab: int = 32_128,
    activation: Activation = "gelu_tanh",
    dropout: float = 0.1,
) -> EncoderDecoder:
    """T5.1.1 of this shape: a gated feed-forward, and scores by a matrix of their own.

    Pre-training has no dropout, fine-tuning 0.1.
    """
    return t5(
        width=width,
        depth=depth,
        heads=heads,
        hidden=hidden,
        head_width=head_width,
        decoder_depth=decoder_depth,
        vocab=vocab,
        activation=activation,
        gated=True,
        tied=False,
        dropout=dropout,
    )


def _initial(width: int, inner: int, head_width: int, hidden: int) -> tuple[Rule, ...]:
    """Those of the authors' code, where √k, by which scores are not divided, is in W_q's start."""
    query, rest = (width * head_width) ** -0.5, width**-0.5
    qkv = NormalRows(rows=(inner, inner, inner), std=(query, rest, rest))
    return (
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="source_embedding.weight", start=Normal(std=1.0)),
        Rule(names="head.weight", start=Normal(std=rest)),  # scores as the rescaled embedding's
        Rule(names="*.relative.weight", start=Normal(std=rest)),
        Rule(names="*.qkv.weight", start=qkv),
        Rule(names="*.out.weight", start=Normal(std=inner**-0.5)),
        Rule(names="*.ffn.up.weight", start=Normal(std=rest)),
        Rule(names="*.ffn.down.weight", start=Normal(std=hidden**-0.5)),
    )


def _byt5(depth: int, width: int, heads: int, hidden: int) -> EncoderDecoder:
    third = depth // 3
    return t5_1_1(
        width=width, depth=depth, decoder_depth=third, heads=heads, hidden=hidden, vocab=384
    )


def _mt5(depth: int, width: int, heads: int, hidden: int) -> EncoderDecoder:
    return t5_1_1(width=width, depth=depth, heads=heads, hidden=hidden, vocab=250_112)


# Counts are those of the released shapes. T5: Raffel et al. 2019, §3.7, which rounds them to 60M,
# 220M, 770M, 2.8B and 11B; Flan-T5: Chung et al. 2022; mT5: Xue et al. 2020, Table 1; ByT5: Xue et
# al. 2021, Table 1, which gives 300M, 582M, 1.23B, 3.74B and 12.9B; UL2: Tay et al. 2022, §5.1.
SIZES = {
    "small": (t5(width=512, depth=6, heads=8, hidden=2048), 60_506_624),
    "base": (t5(width=768, depth=12, heads=12, hidden=3072), 222_903_552),
    "large": (t5(width=1024, depth=24, heads=16, hidden=4096), 737_668_096),
    "3B": (t5(width=1024, depth=24, heads=32, head_width=128, hidden=16_384), 2_851_598_336),
    "11B": (t5(width=1024, depth=24, heads=128, head_width=128, hidden=65_536), 11_307_321_344),
    "flan-small": (t5_1_1(width=512, depth=8, heads=6, hidden=1024), 76_961_152),
    "flan-base": (t5_1_1(width=768, depth=12, heads=12, hidden=2048), 247_577_856),
    "flan-large": (t5_1_1(width=1024, depth=24, heads=16, hidden=2816), 783_150_080),
    "flan-xl": (t5_1_1(width=2048, depth=24, heads=32, hidden=5120), 2_849_757_184),
    "flan-xxl": (t5_1_1(width=4096, depth=24, heads=64, hidden=10_240), 11_135_332_352),
    "mt5-small": (_mt5(8, 512, 6, 1024), 300_176_768),
    "mt5-base": (_mt5(12, 768, 12, 2048), 582_401_280),
    "mt5-large": (_mt5(24, 1024, 16, 2816), 1_229_581_312),
    "mt5-xl": (_mt5(24, 2048, 32, 5120), 3_742_619_648),
    "mt5-xxl": (_mt5(24, 4096, 64, 10_240), 12_921_057_280),
    "byt5-small": (_byt5(12, 1472, 6, 3584), 299_637_760),
    "byt5-base": (_byt5(18, 1536, 12, 3968), 581_653_248),
    "byt5-large": (_byt5(36, 1536, 16, 3840), 1_228_183_552),
    "byt5-xl": (_byt5(36, 2560, 32, 6720), 3_737_801_728),
    "byt5-xxl": (_byt5(36, 4672, 64, 12_352), 12_906_899_328),
    "ul2-20B": (
        t5_1_1(width=4096, depth=32, heads=16, head_width=256, hidden=16_384, activation="silu"),
        19_591_209_984,
    ),
}
