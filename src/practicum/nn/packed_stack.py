"""A stack of packed blocks that are alike, read with one call per token for all of them.

This is for stacks whose blocks could each be read with one call (`nn.packed_block`) and have keys
and values of the same shape, and the same turns; one token per row, nothing differentiated. All
else goes the way of `StackLayer`.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from practicum.kernels.block_step import Blocks, block_step
from practicum.kernels.prepacked import inferring
from practicum.nn.attention import AttentionLayer
from practicum.nn.packed_block import PackedBlockLayer, blocks_of, turns_of
from practicum.nn.source import Source
from practicum.nn.stack import StackLayer, StackState
from practicum.nn.state import Past


class PackedStackLayer(StackLayer):
    """The stack that was given to `of`, and its parts."""

    @classmethod
    def of(cls, stack: StackLayer) -> "PackedStackLayer":
        """A stack of the same parts."""
        made = cls.__new__(cls)
        made.__dict__ = stack.__dict__.copy()
        return made

    def forward(
        self, x: Float[Tensor, "b t d"], past: Past, sources: Sequence[Source | None] = ()
    ) -> Float[Tensor, "b t d"]:
        stepped = None
        if x.shape[1] == 1 and x.dtype == torch.float32 and not any(sources) and inferring():
            stepped = self._stepped(x, past)
        if stepped is None:
            return super().forward(x, past, sources)
        return stepped if self.final_norm is None else self.final_norm(stepped)

    def _stepped(self, x: Float[Tensor, "b 1 d"], past: Past) -> Float[Tensor, "b 1 d"] | None:
        """None where the blocks have to be read one by one."""
        layers = list(vars(self.blocks)["_modules"].values())
        if not isinstance(past, StackState) or not all(type(x) is PackedBlockLayer for x in layers):
            return None
        places = [blocks_of(state, x.device) for state in past.blocks]
        if places[0] is None or not self._ready(layers):
            return None
        _, _, tables, lengths = places[0]
        pools = []
        for place in places:
            if place is None or place[2] is not tables or place[3] is not lengths:
                return None
            pools.append(place[:2])
        assert self._weights is not None, "they were gathered"
        turns = turns_of(layers[0], past.blocks[0], x.device)
        y = block_step(x, self._weights, turns, pools, tables, lengths)
        for state in past.blocks:
            state.counted(1)
        return y

    def _ready(self, layers: Sequence[PackedBlockLayer]) -> bool:
        """Whether these blocks are alike; then their weights are at hand."""
        held = [layer.held() for layer in layers]
        if self._weights is None or held != self._held:
            self._held, self._weights = held, None
            if len({_shape(layer) for layer in layers}) == 1:
                self._weights = Blocks(layer.weights() for layer in layers)
        return self._weights is not None

    _weights: Blocks | None = None
    _held: Iterable[tuple[int, ...]] = ()


def _shape(layer: PackedBlockLayer) -> tuple[object, ...]:
    """What has to be the same in all blocks."""
    mixer = cast(AttentionLayer, layer.mixer)
    widths = mixer.kv_heads, mixer.head_width, mixer.value_width
    return (*widths, mixer.description.positions)
