"""What a computation did, counted in the graph that it leaves behind: length, chains, paths.

Whatever was computed with gradients knows what it was made from, so three numbers can be read off
any network, without a word about what it is:

    longest_chain    operations that have to wait for one another, on however many processors
    shortest_path    operations between an input and an output: what a signal has to survive
    operations       floating-point operations of the matrix products

All of them work on the meta device, where nothing is computed and long rows cost no time.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from practicum.errors import ModelError

T = TypeVar("T")
Node = Any  # torch names the type of its nodes nowhere public


def longest_chain(output: Tensor) -> int:
    """How many operations stand in the longest chain that ends in `output`.

    A parameter or an input is no operation. Raises ModelError without a graph.
    """
    root = _root(output)
    lengths: dict[Node, int] = {}
    waiting = [root]
    while waiting:  # depth first without recursion: chains are longer than Python's stack
        node = waiting[-1]
        unknown = [one for one in _before(node) if one not in lengths]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        longest = max((lengths[one] for one in _before(node)), default=0)
        lengths[node] = longest + (not _is_leaf(node))
    return lengths[root]


def shortest_path(output: Tensor, leaf: Tensor) -> int | None:
    """How few operations lie between `leaf`, which takes a gradient, and `output`; None: no path.

    Raises ModelError without a graph.
    """
    waiting = deque([(_root(output), 1)])
    seen = {waiting[0][0]}
    while waiting:
        node, length = waiting.popleft()
        for before in _before(node):
            if getattr(before, "variable", None) is leaf:
                return length
            if before not in seen:
                seen.add(before)
                waiting.append((before, length + 1))
    return None


def operations(compute: Callable[[], T]) -> tuple[T, int]:
    """What `compute` gives, and the floating-point operations of its matrix products."""
    with FlopCounterMode(display=False) as counter:
        result = compute()
    return result, counter.get_total_flops()


def _root(output: Tensor) -> Node:
    if output.grad_fn is None:
        raise ModelError("this tensor has no graph; compute it with gradients")
    return output.grad_fn


def _before(node: Node) -> Iterable[Node]:
    return [one for one, _ in node.next_functions if one is not None]


def _is_leaf(node: Node) -> bool:
    return hasattr(node, "variable")
