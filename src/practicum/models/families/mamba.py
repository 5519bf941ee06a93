"""Mamba (Gu & Dao 2023): selective state spaces and RMSNorm, no attention, no feed-forward."""

from practicum.models.decoder import Decoder
from practicum.nn.initial import Constant, InverseSoftplus, Normal, Rule, Uniform
from practicum.nn.norms import RMSNorm
from practicum.nn.selective import Selective
from practicum.nn.stack import Block, Stack
from practicum.nn.state_space_start import ModesOf

MIXER = Selective(state=16, convolution=4, expand=2)


def mamba(
    *,
    width: int,
    depth: int,
    vocab: int = 50_280,  # of GPT-NeoX, up to a multiple of 8
    context: int = 2048,
    mixer: Selective = MIXER,
    eps: float = 1e-5,
    tied: bool = True,
    std: float = 0.02,
) -> Decoder:
    """The Mamba of this shape; two of its blocks stand where others have one of two parts (§3.4).

    `context` is what it is trained on: nothing in it knows positions. `std` is that of the
    embedding at the start.
    """
    return Decoder(
        vocab=vocab,
        context=context,
        tied=tied,
        stack=Stack(
            width=width, depth=depth, block=Block(mixer=mixer, ffn=None, norm=RMSNorm(eps=eps))
        ),
        initial=initial(mixer, width=width, depth=depth, std=std),
    )


def initial(mixer: Selective, *, width: int, depth: int, std: float = 0.02) -> tuple[Rule, ...]:
    """A = −(1 … N) in each channel, and steps of 0.001 to 0.1 (§3.6, as in the authors' code).

    What projects, or convolves, starts uniform within 1/√inputs, as torch's layers do; of the
    matrix that goes back to the residual stream a share of 1/√depth.
    """
    channels = mixer.channels(width)
    return (
        Rule(names="*.log_rates", start=ModesOf(spectrum="real", part="log_decay")),
        Rule(names="*.step_bias", start=InverseSoftplus(low=1e-3, high=1e-1, floor=1e-4)),
        Rule(names="*.step.weight", start=Uniform(bound=mixer.step_rank(width) ** -0.5)),
        Rule(names="*.skip", start=Constant(value=1.0)),
        Rule(names="*.convolution_*", start=Uniform(bound=mixer.convolution**-0.5)),
        Rule(names="*.enter.weight", start=Uniform(bound=width**-0.5)),
        Rule(names="*.select.weight", start=Uniform(bound=channels**-0.5)),
        Rule(names="*.write", start=Constant(value=1.0)),  # where they are not selective, as S4D
        Rule(names="*.read", start=Normal(std=1.0)),
        Rule(names="*.out.weight", start=Uniform(bound=(channels * depth) ** -0.5)),
        Rule(names="*norm.weight", start=Constant(value=1.0)),
        Rule(names="*", start=Normal(std=std)),
    )


# Counts of the published weights; what the paper calls them is rounded.
SIZES = {
    "130M": (mamba(width=768, depth=24), 129_135_360),
    "370M": (mamba(width=1024, depth=48), 371_516_416),
    "790M": (mamba(width=1536, depth=48), 793_204_224),
    "1.4B": (mamba(width=2048, depth=48), 1_372_178_432),
    "2.8B": (mamba(width=2560, depth=64), 2_768_345_600),
}
