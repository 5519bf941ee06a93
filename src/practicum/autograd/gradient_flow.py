"""Where a gradient goes: the circuit of a computation on arrays, with what each gate hands back.

For every gate, the gradient that arrives at its output and the part that it passes on to each of
its inputs. The size of either is its Euclidean norm; their ratio, the gain, says where a gradient
explodes or dies, and entries that arrive nonzero and leave as zero were stopped (ReLU, max).
`torch_functions.explain_gradient` records such a circuit.
"""

from dataclasses import dataclass

import numpy as np

from practicum.autograd.arrays import Array
from practicum.autograd.graph import topological
from practicum.errors import UnknownName


@dataclass(eq=False, kw_only=True)
class Wire:
    """An array of the computation and the gate that made it; an input has no gate."""

    label: str
    op: str
    children: tuple["Wire", ...]
    data: np.ndarray
    grad: np.ndarray | None = None  # None: no path leads from here to the output
    passed: tuple[np.ndarray | None, ...] = ()  # what this gate hands to each child

    @property
    def size(self) -> float:
        """The norm of the gradient."""
        return _norm(self.grad)


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One input of one gate: how much gradient went through."""

    gate: Wire
    place: int

    @property
    def wire(self) -> Wire:
        return self.gate.children[self.place]

    @property
    def size(self) -> float:
        """The norm of what was passed on."""
        return _norm(self.gate.passed[self.place])

    @property
    def gain(self) -> float:
        """Passed on over arrived; 0 where nothing arrived."""
        return self.size / self.gate.size if self.gate.size else 0.0

    @property
    def stopped(self) -> float:
        """The share of entries that arrived nonzero and left as zero; 0 where shapes differ."""
        arrived, left = self.gate.grad, self.gate.passed[self.place]
        if arrived is None or left is None or arrived.shape != left.shape or not arrived.any():
            return 0.0
        return float(np.mean(left[arrived != 0.0] == 0.0))


class GradientFlow:
    """All wires behind `output`, each after those that it is made from, and how they connect."""

    def __init__(self, output: Wire) -> None:
        self.output = output
        self.wires = topological(output)
        self.passages = [
            Passage(gate=wire, place=place)
            for wire in self.wires
            for place in range(len(wire.children))
        ]

    def __getitem__(self, label: str) -> Wire:
        """The wire called `label`. Raises UnknownName."""
        for wire in self.wires:
            if wire.label == label:
                return wire
        raise UnknownName("wire", label, {wire.label for wire in self.wires})

    def uses(self, wire: Wire) -> list[Passage]:
        """The gates that a wire enters, the one that hands back most first."""
        found = [passage for passage in self.passages if passage.wire is wire]
        return sorted(found, key=lambda passage: -passage.size)

    def strongest_path(self, label: str) -> list[Wire]:
        """From the wire called `label` to the output, by the gate that hands back most each time.

        Ends early where no gradient comes back at all.
        """
        path = [self[label]]
        while path[-1] is not self.output:
            uses = self.uses(path[-1])
            if not uses or uses[0].size == 0.0:
                break
            path.append(uses[0].gate)
        return path

    def stopped(self, least: float = 0.01) -> list[Passage]:
        """Where at least this share of the entries is set to zero, the largest share first."""
        found = [passage for passage in self.passages if passage.stopped >= least]
        return sorted(found, key=lambda passage: -passage.stopped)

    def exploding(self, gain: float = 10.0) -> list[Passage]:
        """Where the gradient grows by this factor or more in one gate, the largest gain first."""
        found = [passage for passage in self.passages if passage.gain >= gain]
        return sorted(found, key=lambda passage: -passage.gain)

    def why(self, label: str) -> str:
        """Where the gradient of the wire called `label` comes from, in one line."""
        wire = self[label]
        if wire is self.output:
            return f"{label} is the output; its gradient with respect to itself is 1"
        uses = self.uses(wire)
        if not uses:
            return f"no gradient comes back to {label}: nothing on the way to the output uses it"
        told = [_told(passage) for passage in uses]
        head = f"the gradient of {label} has size {wire.size:.4g}"
        return f"{head}, from {told[0]}" if len(told) == 1 else f"{head}: {'; '.join(told)}"

    def array(self) -> Array:
        """The output as an `Array` with its whole graph, values and gradients, to be drawn."""
        twins: dict[Wire, Array] = {}
        for wire in self.wires:
            children = tuple(twins[child] for child in wire.children)
            twin = twins[wire] = Array(wire.data, children, wire.op, wire.label)
            twin.grad = np.zeros(wire.data.shape) if wire.grad is None else wire.grad
        return twins[self.output]

    def rows(self) -> list[dict[str, str | float]]:
        """One row per wire, the output first: its gate, its gradient, and how it was reached."""
        return [
            {
                "wire": wire.label,
                "gate": wire.op,
                "of": ", ".join(child.label for child in wire.children),
                "shape": "×".join(map(str, wire.data.shape)),
                "value": _typical(wire.data),
                "gradient": wire.size,
                "zeros": 1.0 if wire.grad is None else float(np.mean(wire.grad == 0.0)),
            }
            for wire in reversed(self.wires)
        ]


def _told(passage: Passage) -> str:
    gate = passage.gate
    share = f", {passage.stopped:.0%} of its entries stopped" if passage.stopped else ""
    return f"{gate.label} (arriving {gate.size:.4g}, passed on {passage.size:.4g}{share})"


def _norm(array: np.ndarray | None) -> float:
    return 0.0 if array is None else float(np.linalg.norm(array.reshape(-1)))


def _typical(array: np.ndarray) -> float:
    """The root mean square; for one number, the number."""
    if array.size == 1:
        return float(array.reshape(()))
    return float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0
