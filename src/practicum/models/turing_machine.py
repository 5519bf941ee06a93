"""The neural Turing machine: a recurrent controller with heads on a memory (Graves et al. 2014).

At each step the controller sees the input and what its heads read before; then the writing heads
go to their places and write, and the reading heads go to theirs and read:

    s_t = gated unit([x_t; r_{t−1}], s_{t−1}),    y_t = W [s_t; r_t]

How a head finds its place is `nn.memory_head`; how it writes, `kernels.memory_addressing`. At first
every head stands at row 0 and all rows hold one small number (Collier & Beel 2018): a head that
stood everywhere could not tell one row from the next, and shifts would move nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from practicum.errors import ConfigError
from practicum.kernels.memory_addressing import read_rows, write_rows
from practicum.nn.gated_unit import GatedUnit
from practicum.nn.initial import Constant, Normal, Orthogonal, Rule, glorot
from practicum.nn.linear import LinearLayer
from practicum.nn.memory_head import MemoryHead, MemoryHeadLayer

EMPTY = 1e-6  # what every number of the memory is at first


@dataclass(frozen=True, kw_only=True)
class TuringMachine:
    """A memory of `rows` times `width` numbers; the paper's heads shift by one row at most."""

    inputs: int
    outputs: int
    rows: int = 128
    width: int = 20
    controller: GatedUnit = GatedUnit(width=100)
    reading: int = 1
    writing: int = 1
    head: MemoryHead = MemoryHead(reach=1)

    def __post_init__(self) -> None:
        counts = (self.inputs, self.outputs, self.rows, self.width, self.reading, self.writing)
        if min(counts) < 1:
            raise ConfigError(
                "TuringMachine needs at least 1 of inputs, outputs, rows, width, reading and "
                f"writing heads; got {counts}"
            )

    @property
    def initial(self) -> tuple[Rule, ...]:
        """Matrices by Glorot and Bengio, recurrent ones orthogonal."""
        state = self.controller.width
        return (
            Rule(names="*.bias", start=Constant(value=0.0)),
            Rule(names="unit.input.weight", start=glorot(self.inputs + self.width, state)),
            Rule(names="unit.*.weight", start=Orthogonal()),
            Rule(names="out.weight", start=glorot(state + self.width, self.outputs)),
            Rule(names="*", start=Normal(std=state**-0.5)),
        )

    def build(self) -> "TuringMachineModel":
        return TuringMachineModel(self)


@dataclass(frozen=True, kw_only=True)
class MachineState:
    """All that a machine remembers from step to step."""

    controller: Float[Tensor, "b n"]
    memory: Float[Tensor, "b s d"]
    at: tuple[Float[Tensor, "b s"], ...]  # where the heads stand, the reading ones first
    read: Float[Tensor, "b r"]  # what all reading heads read, one after the other

    def select(self, rows: list[int]) -> "MachineState":
        """The state whose row i is row rows[i] of this one."""
        return MachineState(
            controller=self.controller[rows],
            memory=self.memory[rows],
            at=tuple(weights[rows] for weights in self.at),
            read=self.read[rows],
        )

    @property
    def nbytes(self) -> int:
        """Bytes: the same however much was read."""
        kept = (self.controller, self.memory, self.read, *self.at)
        return sum(tensor.numel() * tensor.element_size() for tensor in kept)


class TuringMachineModel(nn.Module):
    """The network a `TuringMachine` describes; `models.build.build` makes one with weights."""

    def __init__(self, description: TuringMachine) -> None:
        super().__init__()
        self.description = description
        state, width = description.controller.width, description.width
        gathered = description.reading * width
        self.unit = description.controller.build(description.inputs + gathered)
        build = lambda: description.head.build(state, width)
        self.readers = nn.ModuleList(build() for _ in range(description.reading))
        self.writers = nn.ModuleList(build() for _ in range(description.writing))
        self.written = nn.ModuleList(
            LinearLayer(state, {"erase": width, "add": width}, bias=True) for _ in self.writers
        )
        self.out = LinearLayer(state + gathered, {"out": description.outputs}, bias=True)

    def new_state(self, rows: int) -> MachineState:
        """Heads at row 0 of an empty memory."""
        description, weight = self.description, self.out.weight
        at = weight.new_zeros(rows, description.rows)
        at[:, 0] = 1.0
        return MachineState(
            controller=weight.new_zeros(rows, description.controller.width),
            memory=weight.new_full((rows, description.rows, description.width), EMPTY),
            at=(at,) * (description.reading + description.writing),
            read=weight.new_zeros(rows, description.reading * description.width),
        )

    def step(
        self, x: Float[Tensor, "b i"], state: MachineState
    ) -> tuple[Float[Tensor, "b o"], MachineState]:
        """One input, one output, and what is remembered then."""
        projected = self.unit.project(torch.cat([x, state.read], dim=1))
        controller = self.unit.step(projected, state.controller)
        memory, reading = state.memory, self.description.reading
        stood = dict(zip(self._heads(), state.at, strict=True))
        for head, layer in zip(self._heads()[reading:], self.written, strict=True):
            stood[head] = head.weights(controller, state.memory, stood[head])
            erase, add = layer(controller).chunk(2, dim=1)
            memory = write_rows(stood[head], memory, torch.sigmoid(erase), add)
        gathered = []
        for head in self._heads()[:reading]:
            stood[head] = head.weights(controller, memory, stood[head])
            gathered.append(read_rows(stood[head], memory))
        read = torch.cat(gathered, dim=1)
        after = MachineState(
            controller=controller, memory=memory, at=tuple(stood.values()), read=read
        )
        return self.out(torch.cat([controller, read], dim=1)), after

    def forward(
        self, x: Float[Tensor, "b t i"], state: MachineState | None = None
    ) -> Float[Tensor, "b t o"]:
        """The output (logits) of every step."""
        return self.trace(x, state)[0]

    def trace(
        self, x: Float[Tensor, "b t i"], state: MachineState | None = None
    ) -> tuple[Float[Tensor, "b t o"], list[MachineState]]:
        """The outputs, and the state after every step: where each head stood, and the memory."""
        now = self.new_state(x.shape[0]) if state is None else state
        outputs, states = [], []
        for part in x.unbind(1):
            output, now = self.step(part, now)
            outputs.append(output)
            states.append(now)
        return torch.stack(outputs, dim=1), states

    def _heads(self) -> list[MemoryHeadLayer]:
        return list(cast(Iterable[MemoryHeadLayer], [*self.readers, *self.writers]))
