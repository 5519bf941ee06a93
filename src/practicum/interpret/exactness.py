"""What must hold of a Transformer with any weights, as differences that should be nothing.

Steps by vectors, by matrices and by the fused kernel agree; without positions an encoder does not
know in which order it reads; a masked decoder's prefix does not know what follows; a feed-forward
sees one position.
"""

from collections.abc import Iterable
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from practicum.interpret.vector_steps import matrix_form, merged, vector_steps
from practicum.models.encoder import EncoderModel
from practicum.models.encoder_decoder import EncoderDecoderModel
from practicum.nn.stack import BlockLayer, StackLayer
from practicum.nn.state import BothWays, Whole


@torch.no_grad()
def vector_gap(stack: StackLayer, x: Float[Tensor, "t d"], *, causal: bool = False) -> float:
    """The largest difference in any block between the six steps, the matrix form and the kernel.

    Every block's attention reads the same vectors, in their precision, which is to be the model's.
    """
    gap = 0.0
    for block in cast(Iterable[BlockLayer], stack.blocks):
        layer = block.attention
        by_vectors = torch.stack(
            [merged(layer, vector_steps(layer, x, place, causal=causal)) for place in range(len(x))]
        )
        by_matrices = matrix_form(layer, x, causal=causal)
        by_kernel = layer(x[None], Whole() if causal else BothWays())[0]
        for other in (by_matrices, by_kernel):
            gap = max(gap, float((by_vectors - other).abs().max()))
    return gap


@torch.no_grad()
def order_gap(model: EncoderModel, ids: Int[Tensor, "b t"], order: Int[Tensor, " t"]) -> float:
    """How far reading in another order is from the same vectors in that order."""
    return float((model.hidden(ids[:, order]) - model.hidden(ids)[:, order]).abs().max())


@torch.no_grad()
def prefix_gap(
    model: EncoderDecoderModel,
    source: Int[Tensor, "b s"],
    target: Int[Tensor, "b t"],
    place: int,
    other: int,
) -> float:
    """How far a decoder's vectors before `place` move when the words from there on are `other`."""
    sources = model.decoder.sources(model.read(source))
    changed = target.clone()
    changed[:, place:] = other
    before, after = (model.hidden(words, sources)[:, :place] for words in (target, changed))
    return float((before - after).abs().max())


def spill(stack: StackLayer, x: Float[Tensor, "1 t d"], place: int) -> float:
    """The largest gradient of a block's feed-forward at `place` to what stands elsewhere."""
    largest = 0.0
    for block in cast(Iterable[BlockLayer], stack.blocks):
        assert block.ffn is not None, "a block of the paper has a feed-forward"
        leaf = x.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(block.ffn(leaf)[0, place].sum(), leaf)
        gradient[:, place] = 0.0
        largest = max(largest, float(gradient.abs().max()))
    return largest
