"""The graph of a computation: every result remembers the nodes it was made from."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar


class Node(Protocol):
    """Anything that knows what it was computed from; a leaf from nothing."""

    @property
    def children(self) -> Sequence[Any]: ...  # of its own kind


AnyNode = TypeVar("AnyNode", bound=Node)


def topological(root: AnyNode) -> list[AnyNode]:
    """Every node that `root` depends on, once, each after all its children; `root` is the last.

    Depth first, with a stack of its own: the depth of a graph is not bounded by Python's recursion.
    """
    order: list[AnyNode] = []
    seen: set[AnyNode] = set()
    stack = [(root, False)]
    while stack:
        node, children_done = stack.pop()
        if children_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node.children))
    return order


@contextmanager
def no_cycle_search() -> Iterator[None]:
    """Within the block Python does not look for cyclic garbage, in the whole process.

    A graph has no cycles and goes when its root does, and the search, which every ten thousand
    new nodes set off, takes two thirds of the time of a large graph of scalars.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()
