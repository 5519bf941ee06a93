"""BERT (Devlin et al. 2019, §3) and MiniLM (Wang et al. 2020, Table 1): encoders of texts.

The encoder of the original Transformer with learned positions, an embedding that tells two texts
apart, a norm over the three and GELU. MiniLM is a small one that learned from a large one's
attention; its sentence encoders (all-MiniLM-L6-v2) are of the shape "minilm-L6".
"""

from practicum.kernels.activations import Activation
from practicum.models.text_encoder import FirstState, HiddenWords, TextEncoder
from practicum.nn.attention import Attention
from practicum.nn.initial import Constant, Normal, Rule
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.stack import Block, Stack

INITIAL = (
    Rule(names="*norm.weight", start=Constant(value=1.0)),
    Rule(names="*bias", start=Constant(value=0.0)),
    Rule(names="*", start=Normal(std=0.02)),
)


def bert(
    *,
    width: int,
    depth: int,
    heads: int,
    hidden: int | None = None,
    vocab: int = 30_522,
    context: int = 512,
    kinds: int = 2,
    activation: Activation = "gelu",
    eps: float = 1e-12,
    dropout: float = 0.1,
    attention_dropout: float = 0.1,
    head: FirstState | HiddenWords | None = None,
) -> TextEncoder:
    """The BERT of this shape; `hidden` None is 4 · width (§3, footnote 3).

    `dropout` is on embeddings and on what each part adds, while training.
    """
    norm = LayerNorm(eps=eps)
    block = Block(
        mixer=Attention(heads=heads, bias=True, dropout=attention_dropout),
        ffn=MLP(hidden=hidden or 4 * width, activation=activation, bias=True),
        norm=norm,
        norms="after",
        dropout=dropout,
    )
    return TextEncoder(
        vocab=vocab,
        context=context,
        kinds=kinds,
        stack=Stack(width=width, depth=depth, block=block, final_norm=False),
        norm=norm,
        head=head,
        dropout=dropout,
        initial=INITIAL,
    )


# Counts are those of the released weights with the first state's head; Devlin et al. round them to
# 110M and 340M (§3). MiniLM's are given without embeddings (Table 1); here they are with them.
SIZES = {
    "base": (bert(width=768, depth=12, heads=12, head=FirstState()), 109_482_240),
    "large": (bert(width=1024, depth=24, heads=16, head=FirstState()), 335_141_888),
    "base-cased": (
        bert(width=768, depth=12, heads=12, vocab=28_996, head=FirstState()),
        108_310_272,
    ),
    "minilm-L6": (bert(width=384, depth=6, heads=12, head=FirstState()), 22_713_216),
    "minilm-L12": (bert(width=384, depth=12, heads=12, head=FirstState()), 33_360_000),
}
