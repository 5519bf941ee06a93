"""The circuits that are worked through in the CS231n notes, with their values to all digits.

The notes round to two decimals. The digits are those of the derivatives in closed form.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from practicum.autograd.circuits import Circuit, circuit


@dataclass(frozen=True, kw_only=True)
class Worked:
    """A program, numbers for its inputs, and what comes out of both passes."""

    program: str
    inputs: Mapping[str, float]
    output: float
    gradients: Mapping[str, float]

    def circuit(self, *, fuse: bool = True) -> Circuit:
        """The circuit after its backward pass."""
        return circuit(self.program, self.inputs, fuse=fuse)

    def error(self) -> float:
        """The largest absolute error of the output and the gradients."""
        net = self.circuit()
        pairs = [(net.output.data, self.output)]
        pairs += [(net.gradients[name], known) for name, known in self.gradients.items()]
        return max(abs(found - known) for found, known in pairs)


SLOPE = 0.19661193324148185  # (1 − σ(1)) σ(1)
FIRST = Worked(
    program="q = x + y\nf = q * z",
    inputs={"x": -2, "y": 5, "z": -4},
    output=-12,
    gradients={"x": -4, "y": -4, "z": 3},
)
NEURON = Worked(
    program="1 / (1 + exp(-(w0*x0 + w1*x1 + w2)))",
    inputs={"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3},
    output=0.7310585786300049,
    gradients={"w0": -SLOPE, "x0": 2 * SLOPE, "w1": -2 * SLOPE, "x1": -3 * SLOPE, "w2": SLOPE},
)
STAGED = Worked(
    program="""
        sigy = 1.0 / (1 + math.exp(-y))
        num = x + sigy
        sigx = 1.0 / (1 + math.exp(-x))
        xpy = x + y
        xpysqr = xpy**2
        den = sigx + xpysqr
        invden = 1.0 / den
        f = num * invden
    """,
    inputs={"x": 3, "y": -4},
    output=1.545644884106644,
    gradients={"x": 2.059569795572165, "y": 1.5922327514838093},
)
PATTERNS = Worked(
    program="2 * (x*y + max(z, w))",
    inputs={"x": 3, "y": -4, "z": 2, "w": -1},
    output=-20,
    gradients={"x": -8, "y": 6, "z": 2, "w": 0},
)
WORKED = (FIRST, NEURON, STAGED, PATTERNS)
