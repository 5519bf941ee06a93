"""Reverse-mode differentiation of arrays: `scalar.Value` with a whole array in every node.

What was a list of local derivatives is here a function, the pull-back v ↦ vᵀ ∂out/∂child: it takes
∂L/∂out to ∂L/∂child without ever building the Jacobian. Broadcasting copies numbers, and a copy
is a fork, so its gradient is summed over the axes that were broadcast (`backing.fit`).

Arrays lie over NumPy or, when given tensors, over torch (whose own autograd is not used). Overflow
and division by zero give inf and nan as in those libraries. Not here: second derivatives.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from numbers import Real
from typing import Any

from practicum.autograd.backing import Data, as_data, fit, library, scatter_add
from practicum.autograd.graph import topological
from practicum.autograd.shapes import (
    Axes,
    axes_of,
    check_broadcast,
    check_copies,
    check_order,
    check_product,
    check_reshape,
    dropped,
    kept,
)
from practicum.errors import ConfigError

Pull = Callable[[Data], tuple[Data, ...]]  # ∂L/∂out to ∂L/∂child, one per child
_recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """Within the block results do not remember what they were made from."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


class Array:
    """Real numbers of any shape, and how they were made. A given array is not copied.

    `grad` has the shape of `data`. A leaf keeps adding up over several calls of `backward` until
    somebody sets it to 0; an inner node holds the gradient of the last pass.
    """

    __array_ufunc__ = None  # a NumPy array on the left lets the reflected operators work
    __slots__ = ("_grad", "children", "data", "label", "op", "pull")

    def __init__(
        self,
        data: Any,
        children: tuple["Array", ...] = (),
        op: str = "",
        label: str = "",
        *,
        pull: Pull | None = None,
    ) -> None:
        self.data: Data = as_data(data)
        self._grad: Data | None = None
        recorded = _recording.get()
        self.children = children if recorded else ()  # one per use
        self.op = op if recorded else ""
        self.label = label
        self.pull = pull if recorded else None

    @property
    def grad(self) -> Data:
        """∂root/∂self, zeros before the first `backward`."""
        if self._grad is None:
            self._grad = library(self.data).zeros_like(self.data)
        return self._grad

    @grad.setter
    def grad(self, gradient: Data) -> None:
        self._grad = gradient

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    def __add__(self, other: Any) -> "Array":
        a, b = self, self._operand(other)
        check_broadcast("+", a.shape, b.shape)
        pull = lambda g: (fit(g, a.shape), fit(g, b.shape))
        return Array(a.data + b.data, (a, b), "+", pull=pull)

    def __mul__(self, other: Any) -> "Array":
        a, b = self, self._operand(other)
        check_broadcast("*", a.shape, b.shape)
        x, y = a.data, b.data  # as they are now: a later step may put other weights in their place
        pull = lambda g: (fit(g * y, a.shape), fit(g * x, b.shape))
        return Array(x * y, (a, b), "*", pull=pull)

    def __pow__(self, exponent: Any) -> "Array":
        if not isinstance(exponent, Real):
            raise ConfigError(
                f"the exponent of ** must be a plain number; got {type(exponent).__name__}"
            )
        x, n = self.data, float(exponent)
        pull = lambda g: (g * n * x ** (n - 1) if n else 0 * g,)
        return Array(x**n, (self,), f"**{n:g}", pull=pull)

    def __matmul__(self, other: Any) -> "Array":
        a, b = self, self._operand(other)
        if a.ndim == 1:
            product = a.reshape(1, -1) @ b
            return product.reshape(*product.shape[:-2], product.shape[-1])
        if b.ndim == 1:
            product = a @ b.reshape(-1, 1)
            return product.reshape(*product.shape[:-1])
        check_product(a.shape, b.shape)
        x, y = a.data, b.data

        def pull(g: Data) -> tuple[Data, ...]:
            to_a, to_b = g @ y.swapaxes(-1, -2), x.swapaxes(-1, -2) @ g
            return fit(to_a, a.shape), fit(to_b, b.shape)

        return Array(x @ y, (a, b), "@", pull=pull)

    def __neg__(self) -> "Array":
        return Array(-self.data, (self,), "neg", pull=lambda g: (-g,))

    def __sub__(self, other: Any) -> "Array":
        return self + -self._operand(other)

    def __truediv__(self, other: Any) -> "Array":
        return self * self._operand(other) ** -1

    def __radd__(self, other: Any) -> "Array":
        return self._operand(other) + self

    def __rmul__(self, other: Any) -> "Array":
        return self._operand(other) * self

    def __rsub__(self, other: Any) -> "Array":
        return self._operand(other) + -self

    def __rtruediv__(self, other: Any) -> "Array":
        return self._operand(other) * self**-1

    def __rmatmul__(self, other: Any) -> "Array":
        return self._operand(other) @ self

    def exp(self) -> "Array":
        out = library(self.data).exp(self.data)
        return Array(out, (self,), "exp", pull=lambda g: (g * out,))

    def log(self) -> "Array":
        """The natural logarithm."""
        x = self.data
        return Array(library(x).log(x), (self,), "log", pull=lambda g: (g / x,))

    def tanh(self) -> "Array":
        out = library(self.data).tanh(self.data)
        return Array(out, (self,), "tanh", pull=lambda g: (g * (1 - out * out),))

    def relu(self) -> "Array":
        """max(0, x); its derivative at 0 is 0."""
        out = library(self.data).clip(self.data, 0, None)
        return Array(out, (self,), "relu", pull=lambda g: (g * (out > 0),))

    def sigmoid(self) -> "Array":
        """σ(x) = 1/(1 + e⁻ˣ), whose derivative is (1 − σ)σ."""
        lib, small = library(self.data), library(self.data).exp(-abs(self.data))  # no overflow
        out = lib.where(self.data >= 0, lib.ones_like(small), small) / (1 + small)
        return Array(out, (self,), "σ", pull=lambda g: (g * (1 - out) * out,))

    def sum(self, axis: Axes = None, *, keepdims: bool = False) -> "Array":
        """The sum over the axes, all of them if None; its gradient is copied to every summand."""
        axes, lib = axes_of(axis, self.shape), library(self.data)
        tall = kept(self.shape, axes)
        out = self.data.sum(axis=axes, keepdims=keepdims) if axes else self.data
        pull = lambda g: (lib.broadcast_to(g.reshape(tall), self.shape),)
        return Array(out, (self,), "sum", pull=pull)

    def mean(self, axis: Axes = None, *, keepdims: bool = False) -> "Array":
        """The mean over the axes, all of them if None."""
        axes = axes_of(axis, self.shape)
        return self.sum(axes, keepdims=keepdims) * (1 / prod(self.shape[place] for place in axes))

    def max(self, axis: Axes = None, *, keepdims: bool = False) -> "Array":
        """The largest over the axes; the gradient goes to the winner, in equal parts at a tie."""
        axes, lib = axes_of(axis, self.shape), library(self.data)
        tall = kept(self.shape, axes)
        top = lib.amax(self.data, axis=axes, keepdims=True) if axes else self.data
        share = lib.zeros_like(self.data)
        winners: Data = self.data == top
        share[winners] = 1
        share = share / share.sum(axis=axes, keepdims=True) if axes else share
        out = top if keepdims else top.reshape(dropped(self.shape, axes))
        return Array(out, (self,), "max", pull=lambda g: (g.reshape(tall) * share,))

    def reshape(self, *shape: int) -> "Array":
        """The same numbers in another shape; one length may be −1."""
        check_reshape(self.shape, shape)
        pull = lambda g: (g.reshape(self.shape),)
        return Array(self.data.reshape(shape), (self,), "reshape", pull=pull)

    def broadcast_to(self, shape: tuple[int, ...]) -> "Array":
        """The same numbers copied along new axes and along axes of length 1."""
        check_copies(self.shape, shape)
        out = library(self.data).broadcast_to(self.data, shape)
        return Array(out, (self,), "broadcast", pull=lambda g: (fit(g, self.shape),))

    def transpose(self, *axes: int) -> "Array":
        """Axis i of the result is axis `axes[i]`; the reversed order if none are given."""
        order = axes or tuple(reversed(range(self.ndim)))
        check_order(order, self.shape)
        lib, places = library(self.data), tuple(range(self.ndim))
        pull = lambda g: (lib.moveaxis(g, places, order),)
        return Array(lib.moveaxis(self.data, order, places), (self,), "transpose", pull=pull)

    def swapaxes(self, one: int, two: int) -> "Array":
        """The same numbers with two axes exchanged."""
        order = list(range(self.ndim))
        (i,), (j,) = axes_of(one, self.shape), axes_of(two, self.shape)
        order[i], order[j] = j, i
        return self.transpose(*order)

    @property
    def T(self) -> "Array":
        return self.transpose()

    def __getitem__(self, index: Any) -> "Array":
        """Any indexing the library knows; a place picked twice gets both gradients."""
        pull = lambda g: (scatter_add(self.data, index, g),)
        return Array(self.data[index], (self,), "[]", pull=pull)

    def backward(self, gradient: Any = None) -> None:
        """Add ∂self/∂leaf to `grad` of every leaf, and set `grad` of every inner node.

        `gradient` is what arrives from above, of the shape of this array: 1 when it is one number.
        """
        one = library(self.data).ones_like(self.data)
        first = one if gradient is None else as_data(gradient, like=self.data)
        if tuple(first.shape) != self.shape or (gradient is None and prod(self.shape) != 1):
            raise ConfigError(
                f"backward from an array of shape {self.shape} needs a gradient of that shape; "
                "sum() or mean() makes one number of it"
            )
        arrived: dict[Array, Data] = {self: first}
        for node in reversed(topological(self)):
            g = arrived.pop(node)
            node.grad = g if node.children else node.grad + g
            if node.pull is not None:
                for child, part in zip(node.children, node.pull(g), strict=True):
                    arrived[child] = arrived[child] + part if child in arrived else part

    def __repr__(self) -> str:
        name = f"{self.label}: " if self.label else ""
        made = f" by {self.op}" if self.op else ""
        return f"Array({name}{self.dtype} {self.shape}{made})"

    def _operand(self, given: Any) -> "Array":
        """`given` as an Array; plain numbers and plain arrays take this one's kind and dtype."""
        if not isinstance(given, Array):
            return Array(as_data(given, like=self.data))
        if given.dtype != self.dtype or library(given.data) is not library(self.data):
            raise ConfigError(
                f"two Arrays that meet are of one library and dtype; got {self!r} and {given!r}"
            )
        return given
