"""Reverse-mode differentiation of scalars: every number remembers how it was computed.

A result is a node with its children, the gate that made it and the gate's local derivatives. Then

    ∂L/∂child += ∂out/∂child · ∂L/∂out      (chain rule; += because paths add up where they fork)

from the root back, in reverse topological order. What this engine does not do: second derivatives
(the local derivatives are plain numbers), and exponents that are themselves variables.
"""

import math
from collections.abc import Callable
from numbers import Real

from practicum.autograd.graph import topological
from practicum.errors import ConfigError


class Value:
    """A real number, and how it was made.

    `grad` is the derivative of the last root with respect to this number. A leaf keeps adding up
    over several calls of `backward` until somebody sets it to 0; an inner node starts afresh.
    """

    __array_ufunc__ = None  # a NumPy scalar on the left lets the reflected operators work
    __slots__ = ("children", "constant", "data", "grad", "label", "local", "op")

    def __init__(
        self,
        data: object,
        children: tuple["Value", ...] = (),
        op: str = "",
        label: str = "",
        *,
        local: tuple[float, ...] = (),
        constant: float | None = None,
    ) -> None:
        self.data = data if type(data) is float else _number(data, "Value")
        self.grad = 0.0
        self.children = children  # one per use: a + a has the child a twice
        self.op = op  # one of + * ** 1/x exp log tanh relu σ max; empty for a leaf
        self.label = label
        self.local = local  # ∂data/∂child, one per child
        self.constant = constant  # what the gate itself holds: the exponent of **

    def __add__(self, other: object) -> "Value":
        other = _operand(other, "+")
        return Value(self.data + other.data, (self, other), "+", local=(1.0, 1.0))

    def __mul__(self, other: object) -> "Value":
        other = _operand(other, "*")
        return Value(self.data * other.data, (self, other), "*", local=(other.data, self.data))

    def __pow__(self, exponent: object) -> "Value":
        if isinstance(exponent, Value):
            raise ConfigError(
                "the exponent of ** must be a plain number, not a Value; "
                "x ** y of two Values is (y * x.log()).exp()"
            )
        x, n = self.data, _number(exponent, "the exponent of **")
        data = _real(pow, x, n, said="{:g} ** {:g}")
        slope = (
            n * _real(pow, x, n - 1.0, said="the slope, a multiple of {:g} ** {:g},") if n else 0.0
        )
        return Value(data, (self,), "**", local=(slope,), constant=n)

    def __rpow__(self, base: object) -> "Value":
        raise ConfigError("the exponent of ** must be a plain number; write (x * log(base)).exp()")

    def __neg__(self) -> "Value":
        return self * -1.0

    def __sub__(self, other: object) -> "Value":
        return self + -_operand(other, "-")

    def __truediv__(self, other: object) -> "Value":
        return self * _operand(other, "/").reciprocal()

    def __radd__(self, other: object) -> "Value":
        return _operand(other, "+") + self

    def __rmul__(self, other: object) -> "Value":
        return _operand(other, "*") * self

    def __rsub__(self, other: object) -> "Value":
        return _operand(other, "-") + -self

    def __rtruediv__(self, other: object) -> "Value":
        other = _operand(other, "/")
        return self.reciprocal() if other.data == 1.0 else other * self.reciprocal()

    def reciprocal(self) -> "Value":
        """1/x, whose derivative is −1/x²."""
        data = _real(pow, self.data, -1.0, said="1 / {:g}")
        return Value(data, (self,), "1/x", local=(-data * data,))

    def exp(self) -> "Value":
        """eˣ, its own derivative."""
        data = _real(math.exp, self.data, said="exp({:g})")
        return Value(data, (self,), "exp", local=(data,))

    def log(self) -> "Value":
        """The natural logarithm, whose derivative is 1/x."""
        data = _real(math.log, self.data, said="log({:g})")
        return Value(data, (self,), "log", local=(1.0 / self.data,))

    def tanh(self) -> "Value":
        """Tanh x, whose derivative is 1 − tanh² x."""
        data = math.tanh(self.data)
        return Value(data, (self,), "tanh", local=(1.0 - data * data,))

    def relu(self) -> "Value":
        """max(0, x); its derivative is 1 where the result is above 0, and 0 at 0."""
        positive = self.data > 0.0
        return Value(self.data if positive else 0.0, (self,), "relu", local=(float(positive),))

    def sigmoid(self) -> "Value":
        """σ(x) = 1/(1 + e⁻ˣ) as one gate, whose derivative is (1 − σ)σ."""
        small = math.exp(-abs(self.data))  # never overflows
        data = (1.0 if self.data >= 0.0 else small) / (1.0 + small)
        return Value(data, (self,), "σ", local=((1.0 - data) * data,))

    def backward(self) -> None:
        """Add ∂self/∂leaf to `grad` of every leaf, and set `grad` of every inner node."""
        order = topological(self)
        for node in order:
            if node.children:
                node.grad = 0.0
        self.grad += 1.0
        for node in reversed(order):
            for child, slope in zip(node.children, node.local, strict=True):
                child.grad += slope * node.grad

    def __repr__(self) -> str:
        name = f"{self.label}: " if self.label else ""
        return f"Value({name}{self.data:.6g}, grad={self.grad:.6g})"


def maximum(a: object, b: object) -> Value:
    """The larger of two; the gradient goes to the winner, half to each where they are equal.

    Halves are what torch gives. The indicators 1(a ≥ b) and 1(b ≥ a) would make the derivative of
    max(x, x) = x equal to 2.
    """
    a, b = _operand(a, "max"), _operand(b, "max")
    to_a = 0.5 if a.data == b.data else float(a.data > b.data)
    return Value(max(a.data, b.data), (a, b), "max", local=(to_a, 1.0 - to_a))


def _operand(given: object, gate: str) -> Value:
    return given if isinstance(given, Value) else Value(_number(given, f"an operand of {gate}"))


def _number(given: object, what: str) -> float:
    if isinstance(given, float | int | Real):
        return float(given)
    hint = "a Value or a plain number" if what.startswith("an operand") else "a plain number"
    raise ConfigError(f"{what} must be {hint}; got {type(given).__name__} {given!r:.60}")


def _real(function: Callable[..., float], *arguments: float, said: str) -> float:
    """`function(*arguments)`. Raises ConfigError where that is no finite real number."""
    try:
        result = function(*arguments)
    except (ValueError, ArithmeticError):
        result = None
    if not isinstance(result, float):  # a power of a negative number may be complex
        raise ConfigError(f"{said.format(*arguments)} is not a finite real number")
    return result
