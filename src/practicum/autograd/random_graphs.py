"""Random computations that any engine can replay: a list of gates over numbered nodes.

A gate is written once, with operators and methods, so the same graph runs on `Value`, on `Array`
and on another library's tensors. Every node may be used again by every later one (forks), and
tanh keeps the numbers bounded, so that gradients can be compared to many digits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from practicum.autograd.arrays import Array
from practicum.autograd.scalar import Value, maximum

Gates = Mapping[str, Callable[[Any, Any], Any]]
Steps = Sequence[tuple[str, int, int]]  # a gate, and two nodes counted modulo those that exist
FULL = (2, 3, 4)  # every node of a graph of arrays broadcasts to this

SCALAR_GATES: Gates = {
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a b": lambda a, b: a * b,
    "a / (b² + ½)": lambda a, b: a / (b * b + 0.5),
    "max(a, b)": lambda a, b: maximum(a, b) if isinstance(a, Value) else a.maximum(b),
    "a³": lambda a, _: a**3,
    "√(a² + ⅓)": lambda a, _: (a * a + 1 / 3) ** 0.5,
    "1 - 2 a": lambda a, _: 1 - 2 * a,
    "1 / (a² + 1)": lambda a, _: 1 / (a * a + 1),
    "exp": lambda a, _: (a * 0.5).exp(),
    "log": lambda a, _: (a * a + 0.3).log(),
    "tanh": lambda a, _: a.tanh(),
    "relu": lambda a, _: a.relu(),
    "sigmoid": lambda a, _: a.sigmoid(),
}
ARRAY_GATES: Gates = {
    **{name: gate for name, gate in SCALAR_GATES.items() if name != "max(a, b)"},
    "sum": lambda a, _: a.sum() * 0.1,
    "sum of columns": lambda a, _: full(a).sum(axis=(0, -1), keepdims=True),
    "mean": lambda a, _: full(a).mean(axis=0),
    "largest": lambda a, _: full(a).max(0) if isinstance(a, Array) else full(a).amax(0),
    "a @ bᵀ": lambda a, b: (full(a) @ full(b).swapaxes(-1, -2)).mean(axis=-1, keepdims=True),
    "v @ b": lambda a, b: full(a)[0, :, 1] @ full(b)[1],
    "reshape": lambda a, _: (full(a).reshape(6, 4).T * 2).reshape(*FULL),
    "rows twice": lambda a, _: full(a)[:, [0, 2, 0]],
    "slice": lambda a, _: full(a)[1:, ..., ::2].sum(axis=-1, keepdims=True),
}


def full(a: Any) -> Any:
    """`a` broadcast to `FULL`."""
    return a.broadcast_to(FULL)


def draw_steps(gates: Gates, count: int, *, generator: np.random.Generator) -> Steps:
    """`count` gates over nodes picked at random."""
    names = sorted(gates)
    picks = generator.integers(0, 1 << 30, size=(count, 3)).tolist()
    return [(names[gate % len(names)], one, two) for gate, one, two in picks]


def replay(steps: Steps, leaves: Sequence[Any], gates: Gates) -> Any:
    """The root of the graph: every node, halved, summed up, so that all of them count."""
    nodes = list(leaves)
    for gate, one, two in steps:
        made = gates[gate](nodes[one % len(nodes)], nodes[two % len(nodes)])
        nodes.append(made.tanh() * 2.0)
    root = nodes[-1]
    for node in nodes[:-1]:
        root = root + node * 0.5
    return root


def gradients(steps: Steps, leaves: Sequence[Any], gates: Gates) -> list[Any]:
    """The gradient that every leaf gets from the root's square, summed up where it is an array."""
    root = replay(steps, leaves, gates)
    square = root * root
    (square if isinstance(square, Value) else square.sum()).backward()
    return [leaf.grad for leaf in leaves]


def scalar_graphs(
    count: int, *, generator: np.random.Generator
) -> Iterator[tuple[Steps, list[float]]]:
    """Graphs of 5 to 59 gates over four numbers."""
    for _ in range(count):
        steps = draw_steps(SCALAR_GATES, int(generator.integers(5, 60)), generator=generator)
        yield steps, generator.uniform(-3, 3, 4).tolist()


def array_graphs(
    count: int, *, generator: np.random.Generator
) -> Iterator[tuple[Steps, list[Float64[np.ndarray, "..."]]]]:
    """Graphs of 5 to 39 gates over four arrays that broadcast to `FULL`."""
    for _ in range(count):
        steps = draw_steps(ARRAY_GATES, int(generator.integers(5, 40)), generator=generator)
        yield steps, [generator.uniform(-2, 2, draw_shape(generator)) for _ in range(4)]


def draw_shape(generator: np.random.Generator) -> tuple[int, ...]:
    """A shape that broadcasts to `FULL`: some lengths are 1, and some first axes missing."""
    lengths = [1 if generator.random() < 0.4 else length for length in FULL]
    return tuple(lengths[int(generator.integers(len(FULL) + 1)) :])


def disagreement(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """max |found − expected| / max |expected| over all the numbers of two lists of gradients."""
    ours = np.concatenate([np.asarray(one, dtype=np.float64).reshape(-1) for one in found])
    theirs = np.concatenate([np.asarray(one, dtype=np.float64).reshape(-1) for one in expected])
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-300))
