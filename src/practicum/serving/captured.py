"""One more token in every row, as a CUDA graph: recorded once for a number of rows, then replayed.

A step is some forty short kernels for each layer, which a CPU takes longer to ask for than a GPU to
do. A graph asks for all of them at once. It knows nothing of Python, so everything that differs
from step to step stands in one buffer of whole numbers, which is filled on the host and brought
over in one copy:

    tables of b rows · m blocks, then b tokens, then b lengths

with m the blocks of a text that has all the memory it may have. There is a graph for 1, 2, 4, 8,
16, 24, 32, … rows, recorded when it is first wanted; the next larger one serves, and what it has
too many is padding, whose keys and values go to nobody's block. To record a step it is run a few
times, which changes nothing: the same keys and values are put into the same places. All graphs
write into the same memory, so a result is good until the next call.

This is for models of plain parts that keep everything in blocks. Experts, whose rows are counted on
the host, biases that are made there, and rotary tables that depend on how long the longest text is
do not go into a graph; nor do parts that this file does not know. Scores that are capped or biased
by distance do, and gather the memory of m blocks for each row.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor, nn

from practicum.decoding.model import device_of, reading
from practicum.models.decoder import DecoderModel
from practicum.models.packed_decoder import PackedDecoderModel
from practicum.nn.attention import AttentionLayer
from practicum.nn.linear import LinearLayer
from practicum.nn.mlp import MLPLayer
from practicum.nn.norms import DeviationNormLayer, LayerNormLayer, RMSNormLayer
from practicum.nn.packed_block import PackedBlockLayer
from practicum.nn.packed_linear import PackedEmbedding, PackedLinearLayer
from practicum.nn.packed_stack import PackedStackLayer
from practicum.nn.paged import NOBODY
from practicum.nn.positions import LearnedPositionsLayer, SinusoidalPositionsLayer, sinusoids
from practicum.nn.relative import BucketsLayer
from practicum.nn.rope_scaling import Dynamic
from practicum.nn.stack import BlockLayer, StackLayer
from practicum.serving.blocks import Lease
from practicum.serving.graphs import Graphs, Play, Run, again
from practicum.serving.memory import Memory
from practicum.serving.settings import Settings
from practicum.serving.unchanged import Unchanged

Record = Callable[[Run, Tensor], Play]

PLAIN = {  # parts whose work follows from shapes alone
    AttentionLayer,
    BlockLayer,
    BucketsLayer,
    DecoderModel,
    DeviationNormLayer,
    LayerNormLayer,
    LearnedPositionsLayer,
    LinearLayer,
    MLPLayer,
    PackedBlockLayer,
    PackedDecoderModel,
    PackedEmbedding,
    PackedLinearLayer,
    PackedStackLayer,
    RMSNormLayer,
    SinusoidalPositionsLayer,
    StackLayer,
    nn.Embedding,
    nn.ModuleList,
}


def capturable(model: DecoderModel, memory: Memory) -> bool:
    """Whether a step of `model` with all it keeps in `memory` is the same work for all rows."""
    plain = all(_is_plain(part, memory.capacity) for part in model.modules())
    return plain and memory.all_in_blocks


def sizes(rows: int) -> list[int]:
    """For how many rows there are graphs, up to `rows`."""
    below = [n for n in (1, 2, 4, *range(8, rows, 8)) if n < rows]
    return [*below, rows]


def steps_of(model: DecoderModel, memory: Memory, settings: Settings) -> "Steps | None":
    """Steps for the rows of an engine; None where nothing is recorded anyway: on no GPU."""
    if not settings.graphs or device_of(model).type != "cuda":
        return None
    return Steps(model, memory, settings.rows)


class Steps:
    """The next scores of up to `rows` rows of one model.

    `recorder` makes what records; None: CUDA graphs on such a device, elsewhere nothing is recorded
    and every step is run anew.
    """

    def __init__(
        self,
        model: DecoderModel,
        memory: Memory,
        rows: int,
        recorder: Callable[[], Record] | None = None,
    ) -> None:
        device = device_of(model)
        self._model, self._memory, self._sizes = model, memory, sizes(rows)
        self._recorder = recorder or (Graphs if device.type == "cuda" else lambda: again)
        self._buffer = _Buffer(rows * (memory.longest + 2), device)
        self._leases: list[Lease] = []  # of the rows of the last call
        self._begin()

    def __call__(
        self, ids: Sequence[int], leases: Sequence[Lease], lengths: Sequence[int]
    ) -> Float[Tensor, "b v"] | None:
        """The scores after ids[i] in each row, of which lengths[i] tokens are in memory before.

        Written over by the next call. None for a model that cannot be captured.
        """
        if not self._still(leases):
            return None
        count = self._sizes[bisect_left(self._sizes, len(ids))]
        with reading(self._model):
            numbers = self._told(count, ids, leases, lengths)
            if count not in self._plays:
                self._plays[count] = self._recorded(count, numbers)
            return self._plays[count]()[: len(ids)]

    def _begin(self) -> None:
        """Nothing is recorded of the model as it is now."""
        self._unchanged = Unchanged(self._model)
        self._able = capturable(self._model, self._memory)
        self._record = self._recorder() if self._able else again
        self._plays: dict[int, Play] = {}
        self._tables: list[Tensor] = []

    def _still(self, leases: Sequence[Lease]) -> bool:
        """Whether steps can be played. A change of the model is noticed when rows come or go."""
        if list(leases) != self._leases:
            self._leases = list(leases)
            if not self._unchanged:
                self._begin()
        return self._able

    def _told(
        self, count: int, ids: Sequence[int], leases: Sequence[Lease], lengths: Sequence[int]
    ) -> Int32[Tensor, " n"]:
        """The numbers of this step, on the device."""
        assert max(lengths) < self._memory.capacity, f"rows of {lengths} tokens read one more"
        rows, width = len(ids), self._memory.longest
        written = self._buffer.writable()
        tables = written[: count * width].reshape(count, width)
        tokens, read = written[count * width : count * (width + 2)].reshape(2, count)
        tables[:], tokens[rows:], read[rows:] = NOBODY, 0, 0
        for table, lease in zip(tables, leases, strict=False):
            blocks = lease.blocks[:width]
            table[: len(blocks)] = blocks
        tokens[:rows], read[:rows] = ids, lengths
        return self._buffer.brought(count * (width + 2))

    def _run(self, count: int) -> Run:
        """A step of so many rows: all that is recorded."""
        width = self._memory.longest

        def run(numbers: Int32[Tensor, " n"]) -> Float[Tensor, "b v"]:
            tables, ids, lengths = numbers.split([count * width, count, count])
            past = self._memory.step(tables.view(count, width), lengths)
            hidden = self._model.hidden(ids.long()[:, None], past)
            return self._model.logits(hidden)[:, 0]

        return run

    def _recorded(self, count: int, numbers: Int32[Tensor, " n"]) -> Play:
        self._tables = self._tables or self._fixed()
        play = self._record(self._run(count), numbers)
        same = all(a is b for a, b in zip(self._tables, self._fixed(), strict=True))
        assert same, "a table was dropped while it was recorded: a graph would read lost memory"
        return play

    def _fixed(self) -> list[Tensor]:
        """What steps read that is no parameter: the tables of `nn.positions`, whose caches forget.

        Held as long as they may be read.
        """
        device, reach = self._buffer.device, self._memory.capacity
        found = []
        for layer in cast(Iterable[BlockLayer], self._model.stack.blocks):
            rope = layer.attention.description.positions
            if rope is not None:
                found.append(rope.table(layer.attention.head_width, reach, device))
        positions = self._model.positions
        if isinstance(positions, SinusoidalPositionsLayer):
            wave, length = positions.description, positions.context
            found.append(sinusoids(length, positions.width, wave.base, wave.layout, device))
        return found


class _Buffer:
    """Whole numbers that are written on the host and brought to a device in one copy."""

    def __init__(self, count: int, device: torch.device) -> None:
        cuda = device.type == "cuda"
        self.device = device
        self._host = torch.zeros(count, dtype=torch.int32, pin_memory=cuda)
        self._there = torch.zeros(count, dtype=torch.int32, device=device)
        self._copied = torch.cuda.Event() if cuda else None

    def writable(self) -> np.ndarray:
        """The numbers on the host, once the device has read what was there before."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._host.numpy()

    def brought(self, count: int) -> Int32[Tensor, " n"]:
        """The first `count` numbers, on the device, always in the same place."""
        there = self._there[:count]
        there.copy_(self._host[:count], non_blocking=True)
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(self.device))
        return there


def _is_plain(part: nn.Module, capacity: int) -> bool:
    if type(part) not in PLAIN or part._forward_hooks or part._forward_pre_hooks:
        return False
    rope = part.description.positions if isinstance(part, AttentionLayer) else None
    scaling = None if rope is None else rope.scaling
    return not (isinstance(scaling, Dynamic) and capacity > scaling.context)
