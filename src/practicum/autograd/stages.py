"""Staged computation: an expression as lines of one gate each, and the lines of its gradient.

    f = (x + σ(y)) / (σ(x) + (x + y)²)   →   s1 = σ(y),  s2 = x + s1,  …,  s8 = s2 · s7

and back, for every line  out = gate(a, b)  in reverse order:   da += ∂gate/∂a · dout.
The first mention of a gradient is `=` and every later one `+=`, since paths add up where they fork.
No variable is written twice, so a backward line still finds what the forward pass left (`cached`).
The code computes with plain numbers.
"""

import re
import textwrap
from dataclasses import dataclass

from practicum.autograd.straight_line import Argument, Line, Program, StraightLine, straight_line

FORWARD = {
    "+": "{0} + {1}",
    "-": "{0} - {1}",
    "neg": "-{0}",
    "*": "{0} * {1}",
    "1/x": "1.0 / {0}",
    "**": "{0} ** {1}",
    "exp": "math.exp({0})",
    "log": "math.log({0})",
    "tanh": "math.tanh({0})",
    "relu": "{0} if {0} > 0.0 else 0.0",
    "σ": "1.0 / (1.0 + math.exp(-{0}))",
    "max": "{0} if {0} > {1} else {1}",
}
BACKWARD = {  # what each argument's gradient gains; {out} is the line's value, {d} its gradient
    "+": ("{d}", "{d}"),
    "-": ("{d}", "-{d}"),
    "neg": ("-{d}",),
    "*": ("{1} * {d}", "{0} * {d}"),
    "1/x": ("-{out} * {out} * {d}",),
    "**": ("{1} * {0} ** ({1} - 1.0) * {d}", ""),
    "exp": ("{out} * {d}",),
    "log": ("{d} / {0}",),
    "tanh": ("(1.0 - {out} * {out}) * {d}",),
    "relu": ("({out} > 0.0) * {d}",),
    "σ": ("(1.0 - {out}) * {out} * {d}",),
    "max": (  # halves at a tie
        "(({0} > {1}) + 0.5 * ({0} == {1})) * {d}",
        "(({1} > {0}) + 0.5 * ({0} == {1})) * {d}",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Stages:
    """A straight line of gates with its backward pass, as code."""

    program: StraightLine

    @property
    def forward(self) -> tuple[str, ...]:
        """One line per gate."""
        return tuple(
            f"{line.target} = {FORWARD[line.gate].format(*map(_code, line.arguments))}"
            for line in self.program.lines
        )

    @property
    def backward(self) -> tuple[str, ...]:
        """The gradient of the output, 1, and then line by line in reverse."""
        d, output = self._prefix, self.program.output
        code, begun = [f"{d}{output} = 1.0"], {output}
        for line in reversed(self.program.lines):
            for name, gain in _gains(line, d):
                code.append(f"{d}{name} {'+=' if name in begun else '='} {gain}")
                begun.add(name)
        idle = [name for name in self.program.inputs if name not in begun]
        return (*code, *(f"{d}{name} = 0.0" for name in idle))

    @property
    def cached(self) -> tuple[str, ...]:
        """The forward variables that the backward lines read, in the order they appear."""
        gains = " ".join(gain for line in self.program.lines for _, gain in _gains(line, "∂"))
        read = set(re.findall(r"\w+", re.sub(r"∂\w+", "", gains)))
        targets = (line.target for line in self.program.lines)
        return tuple(name for name in (*self.program.inputs, *targets) if name in read)

    def source(self, name: str = "value_and_gradients") -> str:
        """A Python function of the inputs that returns the value and the gradients by name."""
        inputs, d = self.program.inputs, self._prefix
        gradients = ", ".join(f'"{each}": {d}{each}' for each in inputs)
        body = [*self.forward, *self.backward, f"return {self.program.output}, {{{gradients}}}"]
        code = textwrap.indent("\n".join(body), "    ")
        return f"import math\n\n\ndef {name}({', '.join(inputs)}):\n{code}\n"

    @property
    def _prefix(self) -> str:
        """What makes a gradient's name of a variable's: d, or more where that is taken."""
        names = {*self.program.inputs, *(line.target for line in self.program.lines)}
        prefix = "d"
        while any(prefix + name in names for name in names):
            prefix += "_"
        return prefix


def stage(program: Program, *, fuse: bool = True) -> Stages:
    """The stages of an expression, of lines of assignments, or of a Python function.

    With `fuse` a sigmoid is one gate, also where it is written as 1/(1 + exp(-x)); without, four.

    Raises ConfigError, naming the line, for what is not made of gates.
    """
    return Stages(program=straight_line(program, fuse=fuse))


def _gains(line: Line, d: str) -> list[tuple[str, str]]:
    """(variable, what its gradient gains) for every argument that is a variable."""
    names = {"out": line.target, "d": d + line.target}
    shown = [_code(argument) for argument in line.arguments]
    pairs = zip(line.arguments, BACKWARD[line.gate], strict=True)
    return [(name, gain.format(*shown, **names)) for name, gain in pairs if isinstance(name, str)]


def _code(argument: Argument) -> str:
    if isinstance(argument, str):
        return argument
    return repr(argument) if argument >= 0 else f"({argument!r})"
