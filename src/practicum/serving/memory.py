"""A model's memory of many rows: pools of blocks where attention sees everything, else row by row.

Layers that attend to all before them share blocks (`nn.paged`). Every other mixer (a window's ring,
a recurrence) keeps a fixed amount for each row, which goes with the row: into the batch when it
begins to write, out of it when it is done.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from jaxtyping import Int
from torch import Tensor, nn

from practicum.decoding.model import device_of
from practicum.errors import ModelError
from practicum.models.decoder import DecoderModel
from practicum.nn.attention import AttentionLayer
from practicum.nn.joining import join
from practicum.nn.paged import PagedCache, Paging, Pool, Step, empty_pool
from practicum.nn.stack import BlockLayer, StackState
from practicum.nn.state import Kept
from practicum.serving.blocks import Blocks, Lease
from practicum.serving.settings import Settings

Apart = dict[int, Kept]
"""By layer, what rows keep outside of blocks."""


class Memory:
    """Room for the rows of one model.

    A second model that reads the same texts may use the same `blocks`, in pools of its own;
    `beside` is what it takes for a token, in bytes.
    """

    def __init__(
        self,
        model: DecoderModel,
        settings: Settings,
        *,
        blocks: Blocks | None = None,
        beside: int = 0,
    ) -> None:
        self._context, self._device = model.description.context, device_of(model)
        layers = cast(Iterable[BlockLayer], model.stack.blocks)
        self._mixers: list[Any] = [layer.mixer for layer in layers]
        paged = {i: mixer for i, mixer in enumerate(self._mixers) if _sees_all(mixer)}
        token = beside + sum(_token_bytes(mixer) for mixer in paged.values())
        size = settings.block
        row = -(-self._context // size)  # blocks of one text that fills the context
        count = settings.rows * row
        if token:
            count = min(count, int(settings.memory * 1e9 / (token * size)))
        if count < 1:
            raise ModelError(
                f"{settings.memory} GB hold no block of {size} tokens of {token} bytes each; "
                "give more memory or smaller blocks"
            )
        self.blocks = blocks or Blocks(count, size)
        self.shareable = settings.share and len(paged) == len(self._mixers)
        self._pools = {i: _pool(mixer, self.blocks.count + 1, size) for i, mixer in paged.items()}

    @property
    def capacity(self) -> int:
        """Tokens that a text may have if it has all the memory for itself."""
        return min(self._context, self.blocks.count * self.blocks.size)

    @property
    def all_in_blocks(self) -> bool:
        """Whether no layer keeps anything outside of blocks."""
        return len(self._pools) == len(self._mixers)

    def apart(self) -> Apart:
        """What one new row keeps outside of blocks: nothing yet."""
        return {
            i: mixer.new_state(1, self._context)
            for i, mixer in enumerate(self._mixers)
            if i not in self._pools
        }

    def state(
        self, leases: Sequence[Lease], lengths: Sequence[int], tokens: int, apart: Apart
    ) -> StackState:
        """The past of these rows, to which the next read appends `tokens` in each row."""
        tables = [lease.blocks for lease in leases]
        paging = Paging(tables, lengths, self.blocks.size, tokens, self._device)
        return StackState(
            [
                PagedCache(self._pools[i], paging) if i in self._pools else apart[i]
                for i in range(len(self._mixers))
            ]
        )

    @property
    def longest(self) -> int:
        """Blocks of a text that has all the memory it may have."""
        return -(-self.capacity // self.blocks.size)

    def step(self, tables: Int[Tensor, "b m"], lengths: Int[Tensor, " b"]) -> Step:
        """The past of rows that read one token each; for models whose layers are all in blocks."""
        pools = [self._pools[i] for i in range(len(self._mixers))]
        return Step(pools, tables, lengths, self.capacity)

    def clear(self, blocks: Sequence[int]) -> None:
        """Write zeros into blocks that may hold what is no number."""
        for pool in self._pools.values():
            pool.clear(blocks)


def joined(rows: Apart | None, more: Apart) -> Apart:
    """The rows of both, in this order."""
    if rows is None:
        return more
    for layer, kept in rows.items():
        join(kept, more[layer])
    return rows


def token_bytes(model: DecoderModel) -> int:
    """What `model` keeps of a token in blocks."""
    layers = cast(Iterable[BlockLayer], model.stack.blocks)
    mixers: list[Any] = [layer.mixer for layer in layers]
    return sum(_token_bytes(mixer) for mixer in mixers if _sees_all(mixer))


def _sees_all(mixer: nn.Module) -> bool:
    return isinstance(mixer, AttentionLayer) and mixer.scope.window is None


def _token_bytes(mixer: AttentionLayer) -> int:
    size = torch.empty((), dtype=mixer.qkv.weight.dtype).element_size()
    return mixer.kv_heads * (mixer.head_width + mixer.value_width) * size


def _pool(mixer: AttentionLayer, blocks: int, size: int) -> Pool:
    weight = mixer.qkv.weight
    widths = (mixer.head_width, mixer.value_width)
    return empty_pool(
        blocks, size, mixer.kv_heads, widths, device=weight.device, dtype=weight.dtype
    )
