"""Upcycling: a trained dense decoder becomes a mixture of experts (Komatsuzaki et al. 2022, §3).

Every expert starts as a copy of the block's feed-forward plus noise; routers start afresh. Since
the weights of the chosen experts sum to 1, the network at first computes what it computed before,
up to the noise. Without noise the choice makes no difference, so it has no gradient.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.errors import ConfigError, ModelError
from practicum.models.build import build
from practicum.models.decoder import Decoder, DecoderModel
from practicum.nn.experts import Experts
from practicum.nn.mlp import MLP
from practicum.nn.stack import Block
from practicum.seeding import stream


def upcycled(description: Decoder, *, experts: int = 8, top: int = 2) -> Decoder:
    """The description with each feed-forward replaced by `experts` of its shape.

    Raises ModelError where a block has none, or one with biases or dropout, which experts lack.
    """

    def changed(block: Block) -> Block:
        dense = block.ffn
        if not isinstance(dense, MLP) or dense.bias or dense.dropout:
            raise ModelError(
                "only plain feed-forwards without bias and dropout can be upcycled; "
                f"a block has {dense}"
            )
        mixture = Experts(
            count=experts,
            top=top,
            hidden=dense.hidden,
            activation=dense.activation,
            gated=dense.gated,
        )
        return replace(block, ffn=mixture)

    pattern = tuple(changed(block) for block in description.stack.pattern)
    block = pattern if isinstance(description.stack.block, tuple) else pattern[0]
    return replace(description, stack=replace(description.stack, block=block))


def upcycle(
    model: DecoderModel, *, experts: int = 8, top: int = 2, noise: float = 0.02, seed: int
) -> DecoderModel:
    """A network of `upcycled(model.description)` with the weights of `model`, which stays.

    `noise` is the standard deviation of what is added to each expert, in those of the matrix.
    """
    if noise < 0:
        raise ConfigError(f"noise is {noise}; expected at least 0")
    dense = dict(model.named_parameters())
    some = next(iter(dense.values()))
    description = upcycled(model.description, experts=experts, top=top)
    made = build(description, seed=seed, device=some.device, dtype=some.dtype)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name not in dense:
                continue  # a router
            parameter.copy_(dense[name])  # to each expert where there are several
            if parameter.shape != dense[name].shape:
                spread = noise * float(dense[name].float().std())
                parameter += spread * _draw(parameter, seed, name)
    return made


def _draw(like: Tensor, seed: int, name: str) -> Float[Tensor, "e f d"]:
    draw = torch.randn(like.shape, generator=stream(seed, "upcycle", name))
    return draw.to(like)
