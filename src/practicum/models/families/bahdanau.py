"""RNNsearch, and RNNencdec, which it is measured against (Bahdanau et al. 2014, App. A and B).

Two tables say how weights start. `published` is B.1: recurrent matrices orthogonal, W_a and U_a
N(0, 0.001²), v_a and biases 0, all else N(0, 0.01²); attention starts exactly even and stays so for
hundreds of updates, which belongs with Adadelta and days. `quick` is for short runs by Adam.
"""

from typing import Literal

from practicum.models.recurrent import Recurrent
from practicum.nn.gated_unit import GatedUnit
from practicum.nn.initial import Constant, Normal, Orthogonal, Rule, glorot
from practicum.nn.maxout import Maxout
from practicum.nn.reader import Reader
from practicum.nn.scores import Additive

Init = Literal["bahdanau", "default"]
RECURRENT = ("*.reset.weight", "*.update.weight", "*.candidate.weight")


def rnnsearch(
    *,
    source_vocab: int,
    target_vocab: int,
    embedding: int = 620,
    width: int = 1000,
    hidden: int | None = None,
    units: int = 500,
    bias: bool = True,
    init: Init = "default",
    readout_state: Literal["previous", "current"] = "previous",
) -> Recurrent:
    """The paper's m, n, n', l are `embedding`, `width`, `hidden` (None: as wide) and `units`."""
    hidden = hidden or width
    return Recurrent(
        source_vocab=source_vocab,
        target_vocab=target_vocab,
        embedding=embedding,
        unit=GatedUnit(width=width, bias=bias),
        search=Reader(score=Additive(hidden=hidden)),
        readout=Maxout(units=units, bias=bias),
        readout_state=readout_state,
        bias=bias,
        initial=published() if init == "bahdanau" else quick(embedding, width, hidden, units),
    )


def rnnencdec(
    *,
    source_vocab: int,
    target_vocab: int,
    embedding: int = 620,
    width: int = 1000,
    units: int = 500,
    bias: bool = True,
    init: Init = "default",
    readout_state: Literal["previous", "current"] = "previous",
) -> Recurrent:
    """The same, but what the decoder sees of a source is the last forward state."""
    return Recurrent(
        source_vocab=source_vocab,
        target_vocab=target_vocab,
        embedding=embedding,
        unit=GatedUnit(width=width, bias=bias),
        search=None,
        readout=Maxout(units=units, bias=bias),
        readout_state=readout_state,
        bias=bias,
        initial=published() if init == "bahdanau" else quick(embedding, width, width, units),
    )


def published() -> tuple[Rule, ...]:
    """B.1."""
    return (
        Rule(names="*.bias", start=Constant(value=0.0)),
        *(Rule(names=names, start=Orthogonal()) for names in RECURRENT),
        Rule(names="search.score.out.weight", start=Constant(value=0.0)),
        Rule(names="search.score.*", start=Normal(std=0.001)),
        Rule(names="*", start=Normal(std=0.01)),
    )


def quick(embedding: int, width: int, hidden: int, units: int) -> tuple[Rule, ...]:
    """Glorot's weights for matrices that read, orthogonal ones for those that recur.

    Widths are those of a network with a search; without one two matrices are a little narrower.
    """
    return (
        Rule(names="*.bias", start=Constant(value=0.0)),
        *(Rule(names=names, start=Orthogonal()) for names in RECURRENT),
        Rule(names="*embedding.weight", start=Normal(std=embedding**-0.5)),
        Rule(names="*.input.weight", start=glorot(embedding, width)),
        Rule(names="*.context.weight", start=glorot(2 * width, width)),
        Rule(names="first.weight", start=glorot(width, width)),
        Rule(names="search.score.query.weight", start=glorot(width, hidden)),
        Rule(names="search.score.memory.weight", start=glorot(2 * width, hidden)),
        Rule(names="search.score.out.weight", start=Normal(std=0.1)),
        Rule(names="readout.*", start=glorot(3 * width + embedding, units)),
        Rule(names="head.weight", start=Normal(std=units**-0.5)),
    )


# A.2, shortlists of 30,000 words on either side. The paper prints no counts; 80,401,000 are the
# weights of the equations, which have no biases.
_WORDS = 30_000
SIZES = {
    "RNNsearch": (
        rnnsearch(source_vocab=_WORDS, target_vocab=_WORDS, bias=False, init="bahdanau"),
        80_401_000,
    ),
    "RNNencdec": (
        rnnencdec(source_vocab=_WORDS, target_vocab=_WORDS, bias=False, init="bahdanau"),
        73_400_000,
    ),
}
