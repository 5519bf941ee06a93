"""A computation of torch recorded as a circuit, with what flows back through every use of a wire.

While it records, every operation of torch is handed an alias of each of its inputs. The gradient on
the alias is what comes back through this one use, where torch's own graph only has the sum. An
operation that writes in place, and a custom `autograd.Function`, get what the other uses leave.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode

from practicum.autograd.gradient_flow import Wire
from practicum.autograd.graph import topological
from practicum.errors import ConfigError

PART = "part"  # one result of an operation that has several


def record(call: Callable[[], Any], names: Mapping[str, Tensor]) -> Wire:
    """The wire of the one number that `call` gives; `names` are labels of tensors that it reads.

    Raises ConfigError when it does not give one number, or nothing in it has a gradient.
    """
    recorder = _Recorder({id(tensor): name for name, tensor in names.items()})
    with torch.enable_grad(), recorder:
        out = call()
    if not isinstance(out, Tensor) or out.numel() != 1:
        shape = f"a tensor of shape {tuple(out.shape)}" if isinstance(out, Tensor) else None
        given = shape or type(out).__name__
        raise ConfigError(f"the target gives {given}; a gradient needs one number, such as a loss")
    if not out.requires_grad:
        raise ConfigError("nothing that the target computes has a gradient; is the path cut?")
    return recorder.filled(out)


class _Recorder(TorchFunctionMode):
    """Keeps a wire for every tensor with a gradient that an operation reads or makes."""

    def __init__(self, labels: dict[int, str]) -> None:
        super().__init__()
        self.labels = labels
        self.counts: Counter[str] = Counter()
        self.wires: dict[int, Wire] = {}  # by the identity of the tensor that carries it now
        self.alive: list[Any] = []  # so that no identity is given out twice
        self.edges: dict[Wire, GradientEdge] = {}
        self.known: dict[tuple[Any, int], Wire] = {}  # by node and output of torch's graph
        self.uses: dict[Wire, list[GradientEdge]] = {}  # the aliases that its children came as
        self.parts: dict[Wire, list[Wire]] = {}  # of what an operation with several results made

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not torch.is_grad_enabled():
            return func(*args, **(kwargs or {}))
        given: list[tuple[Tensor, int, Tensor]] = []

        def alias(value: Any) -> Any:
            if isinstance(value, Tensor) and value.requires_grad:
                given.append((value, value._version, value.view_as(value)))
                return given[-1][2]
            return type(value)(map(alias, value)) if type(value) in (tuple, list) else value

        args = [alias(each) for each in args]
        kwargs = {key: alias(each) for key, each in (kwargs or {}).items()}
        children = tuple(self.wire_of(tensor) for tensor, _, _ in given)
        uses = [get_gradient_edge(twin) for _, _, twin in given]
        made = func(*args, **kwargs)
        # what was written to in place, here or through its alias, carries a new value now
        same = [t for one, version, twin in given if one._version != version for t in (one, twin)]
        results = [same] if same else [[each] for each in _with_gradient(made)]
        if len(results) == 1:
            wire = self.wire(_name(func), children, results[0])
            if not same:  # writing in place cuts the alias off
                self.uses[wire] = uses
        elif given and results:
            flat = np.concatenate([_array(part).reshape(-1) for (part,) in results])
            name = self.label(_name(func))
            bundle = Wire(label=name, op=_name(func), children=children, data=flat)
            self.uses[bundle] = uses
            self.parts[bundle] = [self.wire(PART, (bundle,), part) for part in results]
        return made

    def label(self, name: str) -> str:
        self.counts[name] += 1
        return f"{name} {self.counts[name]}" if self.counts[name] > 1 else name

    def wire(self, name: str, children: tuple[Wire, ...], tensors: list[Tensor]) -> Wire:
        """A new wire, carried by the first of `tensors`; the others are the same by other names."""
        first = tensors[0]
        wire = Wire(
            label=self.labels.get(id(first)) or self.label(name),
            op=name if children else "",
            children=children,
            data=_array(first),
        )
        edge = self.edges[wire] = get_gradient_edge(first)
        self.known[edge.node, edge.output_nr] = wire
        self.wires |= {id(tensor): wire for tensor in tensors}
        self.alive += tensors
        return wire

    def wire_of(self, tensor: Tensor) -> Wire:
        """The wire of a tensor; of one that no recorded operation made, a new one.

        Custom `autograd.Function`s go by unseen; what they read is found in torch's own graph.
        """
        if id(tensor) not in self.wires:
            node = tensor.grad_fn
            name = node.name().removesuffix("Backward") if node else "tensor"
            children = tuple(self.behind(node)) if node else ()
            self.wire(name, children, [tensor])
        return self.wires[id(tensor)]

    def behind(self, node: Any) -> Iterator[Wire]:
        """The nearest known wires that a node of torch's graph reads."""
        for before, number in node.next_functions:
            if (before, number) in self.known:
                yield self.known[before, number]
            elif hasattr(before, "variable"):
                yield self.wire_of(before.variable)
            elif before is not None:
                yield from self.behind(before)

    def filled(self, out: Tensor) -> Wire:
        """The wire of `out`, with the gradients on it and on everything behind it."""
        root = self.wire_of(out)
        order = topological(root)
        parts = [part for wire in order for part in self.parts.get(wire, ())]
        carried = [wire for wire in dict.fromkeys([*order, *parts]) if wire in self.edges]
        aliases = [edge for wire in order for edge in self.uses.get(wire, ())]
        wanted = [*(self.edges[wire] for wire in carried), *aliases]
        found = torch.autograd.grad(out, wanted, torch.ones_like(out), allow_unused=True)
        arrays = iter([None if gradient is None else _array(gradient) for gradient in found])
        for wire in carried:
            wire.grad = next(arrays)
        for wire in order:
            if wire in self.parts:
                wire.grad = np.concatenate([_flat_gradient(part) for part in self.parts[wire]])
        for wire in order:
            if wire in self.uses:
                wire.passed = tuple(next(arrays) for _ in wire.children)
            elif wire.op == PART:
                wire.passed = (wire.grad,)
        for wire in order:
            if len(wire.passed) < len(wire.children):
                wire.passed = tuple(_rest(child, order) for child in wire.children)
        return root


def _with_gradient(made: Any) -> Iterator[Tensor]:
    if isinstance(made, Tensor):
        if made.requires_grad:
            yield made
    elif isinstance(made, tuple | list):
        for part in made:
            yield from _with_gradient(part)


def _name(func: Any) -> str:
    """What an operation is called; of an attribute such as x.T, its own name."""
    owner = func.__self__ if func.__name__ == "__get__" else func
    return str(owner.__name__).strip("_")


def _rest(wire: Wire, order: list[Wire]) -> np.ndarray | None:
    """Of the gradient on a wire, what no gate is known to have handed back."""
    if wire.grad is None:
        return None
    told = [
        share
        for gate in order
        for child, share in zip(gate.children, gate.passed, strict=False)
        if child is wire and share is not None
    ]
    return wire.grad - sum(told)


def _flat_gradient(wire: Wire) -> np.ndarray:
    return np.zeros(wire.data.size) if wire.grad is None else wire.grad.reshape(-1)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy().copy()
