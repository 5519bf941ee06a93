"""Classifiers of signals that a state space model is measured against: a GRU and a Transformer.

Both read forwards, and both are what their names say with nothing added: layers of gated recurrent
units (Cho et al. 2014), which start as torch's do; and causal attention between feed-forwards with
sinusoidal positions (Vaswani et al. 2017), its norms before the sublayers.
"""

from practicum.models.sequence_classifier import Readout, SequenceClassifier
from practicum.nn.attention import Attention
from practicum.nn.gated_stack import GatedStack
from practicum.nn.initial import Constant, Rule, Uniform
from practicum.nn.mlp import MLP
from practicum.nn.norms import LayerNorm
from practicum.nn.positions import SinusoidalPositions
from practicum.nn.stack import Block, Stack


def gated_reader(
    *, features: int, classes: int, width: int, depth: int, readout: Readout = "mean"
) -> SequenceClassifier:
    """`depth` layers of `width` gated units."""
    return SequenceClassifier(
        features=features,
        classes=classes,
        body=GatedStack(width=width, depth=depth),
        initial=(
            Rule(names="encoder.*", start=Uniform(bound=features**-0.5)),
            Rule(names="head.bias", start=Constant(value=0.0)),
            Rule(names="*", start=Uniform(bound=width**-0.5)),
        ),
        readout=readout,
    )


def attentive_reader(
    *,
    features: int,
    classes: int,
    width: int,
    depth: int,
    heads: int,
    hidden: int,
    context: int,
    readout: Readout = "mean",
) -> SequenceClassifier:
    """`depth` blocks of causal attention and `hidden` units, for signals of `context` steps."""
    block = Block(
        mixer=Attention(heads=heads, bias=True),
        norm=LayerNorm(),
        ffn=MLP(hidden=hidden, activation="gelu_tanh", bias=True),
    )
    return SequenceClassifier(
        features=features,
        classes=classes,
        body=Stack(width=width, depth=depth, block=block),
        initial=(
            Rule(names="*norm.weight", start=Constant(value=1.0)),
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="encoder.weight", start=Uniform(bound=features**-0.5)),
            Rule(names="*.weight", start=Uniform(bound=width**-0.5)),
        ),
        readout=readout,
        positions=SinusoidalPositions(),
        context=context,
    )
