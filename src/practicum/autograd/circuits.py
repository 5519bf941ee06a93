"""Expressions as circuits of gates, with the reason for the gradient on every wire.

The gradient on a wire is a sum over the gates that it enters of

    (local derivative of the gate) × (gradient on the gate's output)

always with respect to the last output of the circuit, not to the next gate. Three gates have a
pattern: add distributes its gradient unchanged, max routes it to the winner (halves at a tie),
multiply swaps, scaling each input's gradient by the other input.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from practicum.autograd.graph import topological
from practicum.autograd.scalar import Value, maximum
from practicum.autograd.straight_line import Program, straight_line
from practicum.errors import ConfigError, UnknownName

GATES: dict[str, Callable[..., Value]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a + _minus(b),
    "neg": lambda a: -a,
    "*": lambda a, b: a * b,
    "**": lambda a, b: a**b,
    "1/x": lambda a: a.reciprocal(),
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
    "σ": lambda a: a.sigmoid(),
    "max": maximum,
}
SLOPES = {  # local derivatives of the other gates, u their input
    "1/x": "-1/u²",
    "exp": "eᵘ",
    "log": "1/u",
    "tanh": "1 - tanh² u",
    "σ": "(1 - σ)σ",
    "**": "n uⁿ⁻¹",
}


@dataclass(frozen=True, kw_only=True)
class Use:
    """Where a wire goes: input number `place` of the gate that makes `gate`."""

    gate: Value
    place: int

    @property
    def local(self) -> float:
        """∂gate/∂wire for this use alone."""
        return self.gate.local[self.place]

    @property
    def gradient(self) -> float:
        """What this use adds to the wire's gradient."""
        return self.local * self.gate.grad


class Circuit:
    """Everything that `output` was computed from, after its backward pass.

    A wire is a `Value`, or its label: the name of an input, or the expression that it carries.
    """

    def __init__(self, output: Value) -> None:
        self.output = output
        self.wires = topological(output)  # every wire after those that it is made from
        self.uses: dict[Value, list[Use]] = {wire: [] for wire in self.wires}
        for wire in self.wires:
            wire.grad = 0.0
            for place, child in enumerate(wire.children):
                self.uses[child].append(Use(gate=wire, place=place))
        output.backward()

    def __getitem__(self, label: str) -> Value:
        """The wire called `label`. Raises UnknownName."""
        for wire in self.wires:
            if wire.label == label:
                return wire
        raise UnknownName("wire", label, {wire.label for wire in self.wires if wire.label})

    @property
    def gradients(self) -> dict[str, float]:
        """The gradient on every input that has a name."""
        leaves = [wire for wire in self.wires if wire.label and not wire.children]
        return {wire.label: wire.grad for wire in leaves}

    def gradient(self, names: Iterable[str]) -> list[float]:
        """The gradients on these inputs, in this order."""
        gradients = self.gradients
        return [gradients[name] for name in names]

    def why(self, wire: str | Value) -> str:
        """Where the gradient on `wire` comes from, gate by gate."""
        wire = self[wire] if isinstance(wire, str) else wire
        if wire is self.output:
            return f"{_name(wire)} is the output; its gradient with respect to itself is 1"
        uses = self.uses[wire]
        total = f"∂{self._out}/∂{_enclosed(wire)} = {wire.grad:.6g}"
        if len(uses) == 1:
            return f"{total}: {_reason(uses[0])}"
        parts = " + ".join(f"{use.gradient:.6g}" for use in uses).replace("+ -", "- ")
        return f"{total} = {parts}, summed at the fork: {'; '.join(map(_reason, uses))}"

    def force(self, wire: str | Value) -> str:
        """The gradient as a force on `wire`: its sign says up or down, its size how strongly."""
        wire = self[wire] if isinstance(wire, str) else wire
        if wire.grad == 0.0:
            return f"{_name(wire)} is not pulled: a small change of it leaves {self._out} as it is"
        way, moves = ("up", "rises") if wire.grad > 0.0 else ("down", "falls")
        size = f"{abs(wire.grad):.6g}"
        return (
            f"{_name(wire)} is pulled {way} with force {size}: {self._out} rises by {size} for "
            f"each unit that it {moves}"
        )

    @property
    def _out(self) -> str:
        return self.output.label if self.output.label.isidentifier() else "out"


def circuit(
    program: Program,
    inputs: Mapping[str, float] | None = None,
    /,
    *,
    fuse: bool = True,
    **more: float,
) -> Circuit:
    """The circuit of an expression, such as `circuit("(x + y) * z", x=-2, y=5, z=-4)`.

    `program` and `fuse` are those of `stage`; every intermediate wire is labelled by its name or by
    its expression.

    Raises ConfigError for what is not made of gates, for missing and for unused inputs.
    """
    inputs = {**(inputs or {}), **more}
    line_by_line = straight_line(program, fuse=fuse)
    needed = set(line_by_line.inputs)
    if needed != set(inputs):
        missing, unused = sorted(needed - set(inputs)), sorted(set(inputs) - needed)
        told = [f"no value for {', '.join(missing)}"] * bool(missing)
        told += [f"no use for {', '.join(unused)}"] * bool(unused)
        raise ConfigError(f"{' and '.join(told)}; the inputs are {', '.join(line_by_line.inputs)}")
    leaves = {name: Value(inputs[name], label=name) for name in line_by_line.inputs}
    wires = line_by_line.computed(leaves, GATES)
    for line in line_by_line.lines:
        wires[line.target].label = line.label
    return Circuit(wires[line_by_line.output])


def _minus(operand: Any) -> Any:
    """−operand, of any kind of number; of a wire, called so."""
    minus = -operand
    if isinstance(operand, Value) and isinstance(minus, Value):
        minus.label = f"-{_enclosed(operand)}"
    return minus


def _name(wire: Value) -> str:
    return wire.label or f"{wire.data:.6g}"


def _enclosed(wire: Value) -> str:
    return _name(wire) if _name(wire).isidentifier() else f"({_name(wire)})"


def _reason(use: Use) -> str:
    gate, gradient = use.gate, f"{use.gate.grad:.6g}"
    into = f"in {_name(gate)}"
    match gate.op:
        case "+":
            return f"{into} add distributes: the gradient {gradient} passes unchanged"
        case "*":
            other = gate.children[1 - use.place]
            named = f"{other.label} = " if other.label else ""
            return (
                f"{into} multiply swaps: the gradient {gradient} is scaled by the other input, "
                f"{named}{other.data:.6g}"
            )
        case "max":
            share = {1.0: "the winner, gets all of", 0.0: "the loser, gets none of"}
            part = share.get(use.local, "one of two equals, gets half of")
            return f"{into} max routes: this is {part} the gradient {gradient}"
        case "relu":
            part = "above 0: passes" if use.local else "not above 0: stops"
            return f"{into} relu routes: this is {part} the gradient {gradient}"
        case op:
            return f"{into} the gradient {gradient} is scaled by {SLOPES[op]} = {use.local:.6g}"
