"""Random circuits to try a gradient on: straight lines of gates with numbers for their inputs.

A gate is taken only where its value is moderate and no kink is near (|a − b| > 0.1 at a maximum,
|x| > 0.1 at a ReLU), and a circuit only where no gradient is past 1000 and that of some input above
0.01, so that differences with a step of 1e-5 measure what they should. With `forks` a wire may be
used again and again; without, every wire is used once, as in a tree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from practicum.autograd.circuits import GATES, Circuit
from practicum.autograd.differences import centred
from practicum.autograd.scalar import Value
from practicum.autograd.straight_line import Argument, Line, StraightLine

LARGEST = 20.0  # of a value
STEEPEST = 1e3  # the largest gradient on any wire
FLATTEST = 1e-2  # the largest gradient on an input, at the least
ALLOWED: dict[str, Callable[..., bool]] = {
    "+": lambda a, b: abs(a + b) < LARGEST,
    "-": lambda a, b: abs(a - b) < LARGEST,
    "*": lambda a, b: abs(a * b) < LARGEST,
    "max": lambda a, b: abs(a - b) > 0.1,
    "neg": lambda _: True,
    "1/x": lambda a: abs(a) > 0.3,
    "**": lambda a: abs(a) < 2.5,
    "exp": lambda a: a < 2.5,
    "log": lambda a: a > 0.3,
    "tanh": lambda _: True,
    "relu": lambda a: abs(a) > 0.1,
    "σ": lambda _: True,
}
BINARY = ("+", "-", "*", "max")


def random_circuit(
    gates: int, *, forks: bool, generator: np.random.Generator
) -> tuple[StraightLine, dict[str, float]]:
    """A circuit of `gates` gates or a few more, and a number for each of its inputs."""
    while True:
        draft = _Draft(forks, generator)
        for _ in range(gates):
            draft.grow()
        program, inputs = draft.finished()
        wires = Circuit(draft.values[program.output]).wires
        steepest = max(abs(draft.values[name].grad) for name in inputs)
        if steepest > FLATTEST and max(abs(wire.grad) for wire in wires) < STEEPEST:
            return program, inputs


def differences(program: StraightLine, inputs: dict[str, float]) -> list[float]:
    """The gradient on the inputs by centred differences."""

    def value(at: np.ndarray) -> float:
        leaves = {name: Value(x) for name, x in zip(inputs, at.tolist(), strict=True)}
        return program.computed(leaves, GATES)[program.output].data

    return centred(value, list(inputs.values())).tolist()


def two_meet(net: Circuit) -> bool:
    """Whether two gradients or more that are not zero come back to one wire."""
    return any(sum(use.gradient != 0.0 for use in uses) > 1 for uses in net.uses.values())


def overwrite(net: Circuit) -> None:
    """A backward pass gone wrong, = for +=: what comes back replaces what came before."""
    for wire in reversed(net.wires):
        for child, slope in zip(wire.children, wire.local, strict=True):
            child.grad = slope * wire.grad


@dataclass
class _Draft:
    """A circuit under construction: the value of every wire, and the wires that nothing uses."""

    forks: bool
    generator: np.random.Generator
    values: dict[str, Value] = field(default_factory=dict)
    inputs: dict[str, float] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def grow(self) -> None:
        """One more gate, drawn until one is allowed."""
        while True:
            gate = str(self.generator.choice(list(ALLOWED)))
            wires = [self.pick() for _ in range(2 if gate in BINARY else 1)]
            once = self.forks or len(set(wires)) == len(wires)
            if once and ALLOWED[gate](*(self.values[wire].data for wire in wires)):
                power = (float(self.generator.integers(2, 4)),) if gate == "**" else ()
                return self.add(gate, (*wires, *power))

    def pick(self) -> str:
        """A new input, a wire not used yet or, where wires fork, any."""
        if not self.unused or self.generator.random() < 0.25:
            name = f"x{len(self.inputs) + 1}"
            self.inputs[name] = float(self.generator.uniform(-2, 2))
            self.values[name] = Value(self.inputs[name])
            self.unused.append(name)
            return name
        anywhere = self.forks and self.generator.random() < 0.5
        return str(self.generator.choice(list(self.values) if anywhere else self.unused))

    def add(self, gate: str, arguments: tuple[Argument, ...]) -> None:
        target = f"g{len(self.lines) + 1}"
        operands = (self.values[a] if isinstance(a, str) else a for a in arguments)
        self.values[target] = GATES[gate](*operands)
        self.lines.append(Line(target=target, gate=gate, arguments=arguments, label=target))
        self.unused = [name for name in self.unused if name not in arguments] + [target]

    def finished(self) -> tuple[StraightLine, dict[str, float]]:
        """With everything that is still unused summed up."""
        while len(self.unused) > 1:
            self.add("+", (self.unused[0], self.unused[1]))
        program = StraightLine(
            inputs=tuple(self.inputs), lines=tuple(self.lines), output=self.unused[0]
        )
        return program, self.inputs
