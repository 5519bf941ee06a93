"""Gradient descent that can be seen: on a curve with valleys, or a map of two parameters.

    x ← x − η ∇f(x)

for a formula such as "x**4 - 3*x**2 + x/2" or "x**2 + 3*y**2", or for any function of an array. A
step is as long as the slope times η, so steps shrink where the ground flattens; where a walk ends
depends on where it starts. Slopes are exact (`differences.forward_mode`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from practicum.autograd.differences import forward_mode, one_number
from practicum.autograd.straight_line import StraightLine, straight_line
from practicum.errors import ConfigError

GATES: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "1/x": np.reciprocal,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0.0),
    "σ": lambda a: 1 / (1 + np.exp(-a)),
    "max": np.maximum,
}


@dataclass(frozen=True, eq=False)
class Formula:
    """A formula as a function of an array, its first axis the variables in their order."""

    text: str
    names: tuple[str, ...]
    program: StraightLine

    def __call__(self, x: Any) -> Any:
        """f(x[0], x[1], …): of numbers, of dual numbers, or of whole grids at once."""
        known: dict[str, Any] = {name: x[place] for place, name in enumerate(self.names)}
        for line in self.program.lines:
            given = [known[each] if isinstance(each, str) else each for each in line.arguments]
            known[line.target] = GATES[line.gate](*given)
        return known[self.program.output]


def formula(text: str, names: Sequence[str] | None = None) -> Formula:
    """The formula in `text`; `names` fix the order of its variables, else the alphabet does.

    Nothing is executed: it is read gate by gate. Raises ConfigError for what is no formula.
    """
    program = straight_line(text)
    order = tuple(sorted(program.inputs) if names is None else names)
    missing = [name for name in program.inputs if name not in order]
    if missing:
        raise ConfigError(
            f"'{text}' reads {', '.join(missing)}; the variables are {', '.join(order)}"
        )
    return Formula(text, order, program)


@dataclass(frozen=True, eq=False)
class Walk:
    """A descent: where it stood, how high, and how steep it was there."""

    points: Float64[np.ndarray, "n d"]
    values: Float64[np.ndarray, " n"]
    slopes: Float64[np.ndarray, "n d"]

    @property
    def end(self) -> Float64[np.ndarray, " d"]:
        return self.points[-1]

    @property
    def lengths(self) -> Float64[np.ndarray, " steps"]:
        """How long each step was."""
        return np.linalg.norm(np.diff(self.points, axis=0), axis=1)


def walk(f: Callable[[Any], Any], start: Sequence[float], *, rate: float, steps: int) -> Walk:
    """`steps` steps down from `start`; fewer where f or its slope stops being a finite number."""
    points, values, slopes = [np.array(start, dtype=float)], [], []
    while True:
        with np.errstate(all="ignore"):  # a walk that flies off is a picture worth seeing
            values.append(float(one_number(f(points[-1]))))
            slopes.append(forward_mode(f, points[-1]))
            after = points[-1] - rate * slopes[-1]
            higher = one_number(f(after))
        if len(points) > steps or not (np.isfinite(after).all() and np.isfinite(higher)):
            return Walk(np.array(points), np.array(values), np.array(slopes))
        points.append(after)


def ends(walks: Sequence[Walk], *, apart: float) -> list[Float64[np.ndarray, " d"]]:
    """The different places where walks ended: those further than `apart` from every one before."""
    found: list[np.ndarray] = []
    for each in walks:
        if all(np.linalg.norm(each.end - other) > apart for other in found):
            found.append(each.end)
    return found


def heights(
    f: Callable[[Any], Any], xs: Float64[np.ndarray, " n"], ys: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, "m n"]:
    """f over the grid of two parameters, for a contour picture; a row for each of `ys`."""
    grid = np.stack(np.meshgrid(xs, ys))
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(f(grid), dtype=float), grid.shape[1:]).copy()


def nudged(f: Callable[[Any], Any], x: Sequence[float], by: float) -> Float64[np.ndarray, " d"]:
    """How much f really changes when each variable alone is moved by `by`."""
    at = np.array(x, dtype=float)
    moved = at + by * np.eye(len(at))
    return np.array([one_number(f(point)) - one_number(f(at)) for point in moved], dtype=float)
