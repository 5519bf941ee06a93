"""S4 and S4D as classifiers of signals (Gu et al. 2021, App. C and D; Gu et al. 2022).

A block is a norm, a state space layer and the residual; there is no feed-forward, since the layer
ends in a gated product of its own. Everything but the systems starts as torch's linear layers do.

    legs          HiPPO-LegS, in its normal plus low-rank form or (S4D) its diagonal alone
    random        the same form with Im Λ ~ N(0, 1), P and B complex N(0, 1): the control of §4.4
    inv lin real  the diagonals of S4D
"""

from typing import Literal

from practicum.errors import ConfigError
from practicum.models.sequence_classifier import Readout, SequenceClassifier
from practicum.nn.initial import Constant, Normal, Rule, Uniform
from practicum.nn.norms import LayerNorm, Norm
from practicum.nn.stack import Block, Stack
from practicum.nn.state_space import LowRank, StateSpace
from practicum.nn.state_space_start import LogUniform, ModesOf

Start = Literal["legs", "random", "inv", "lin", "real"]
NORM = LayerNorm()
PAIR = 0.5**0.5  # of each part of a complex number whose square is 1 in the mean


def s4(
    *,
    features: int,
    classes: int,
    width: int,
    depth: int,
    mixer: StateSpace,
    start: Start = "legs",
    readout: Readout = "mean",
    norm: Norm = NORM,
    norms: Literal["before", "after"] = "before",
) -> SequenceClassifier:
    """`depth` layers of `width` systems; a bidirectional mixer makes an encoder."""
    block = Block(mixer=mixer, ffn=None, norm=norm, norms=norms, dropout=mixer.dropout)
    return SequenceClassifier(
        features=features,
        classes=classes,
        body=Stack(width=width, depth=depth, block=block, final_norm=norms == "before"),
        initial=(
            *system_start(mixer, start),
            Rule(names="*norm.weight", start=Constant(value=1.0)),
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="encoder.weight", start=Uniform(bound=features**-0.5)),
            Rule(names="*.weight", start=Uniform(bound=width**-0.5)),
        ),
        readout=readout,
        both_ways=mixer.bidirectional,
    )


def system_start(mixer: StateSpace, start: Start) -> tuple[Rule, ...]:
    """How the systems of state space layers begin: rules that go before a network's others.

    Raises ConfigError for a spectrum that has no P and B where the matrix needs them.
    """
    low_rank = isinstance(mixer.matrix, LowRank)
    if low_rank and start not in ("legs", "random"):
        raise ConfigError(f"'{start}' says how a diagonal starts; with a low rank: legs or random")
    common = (
        Rule(names="*.log_step", start=LogUniform()),
        Rule(names="*.output", start=Normal(std=PAIR)),
        Rule(names="*.skip", start=Normal(std=1.0)),
    )
    if start == "random":
        half = ModesOf(spectrum="lin", part="log_decay")
        return (
            *common,
            Rule(names="*.log_decay", start=half),
            Rule(names="*.frequency", start=Normal(std=1.0)),
            *(Rule(names=f"*.{part}", start=Normal(std=PAIR)) for part in ("low_rank", "input")),
        )
    return (
        *common,
        Rule(names="*.log_decay", start=ModesOf(spectrum=start, part="log_decay")),
        Rule(names="*.frequency", start=ModesOf(spectrum=start, part="frequency")),
        *(_legs("low_rank", "input") if low_rank else ()),
    )


def _legs(*parts: Literal["low_rank", "input"]) -> tuple[Rule, ...]:
    return tuple(
        Rule(names=f"*.{part}", start=ModesOf(spectrum="legs", part=part)) for part in parts
    )
