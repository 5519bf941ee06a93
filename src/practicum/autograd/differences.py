"""Derivatives of a function from its values alone: judges of every gradient written by hand.

With f from an array to one number, x_i one of its n entries and e_i the unit step along it:

    centred        ∂f/∂x_i ≈ (f(x + h e_i) − f(x − h e_i)) / 2h      error O(h²) + O(ε/h)
    complex step   ∂f/∂x_i ≈ Im f(x + i h e_i) / h                   error O(h²), nothing subtracted
    dual numbers   f(x + ε e_i) = f(x) + ε ∂f/∂x_i  with ε² = 0      exact: forward mode

Each costs n evaluations of f (centred: 2n), where one backward pass costs about two. All work in
double precision, whatever was given. Nothing here needs f to be smooth: at a kink the centred
difference is the mean of the two slopes, the other two follow the branch that f takes at x.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from practicum.errors import ConfigError

CENTRED_STEP = 1e-5  # near the cube root of the rounding error, where both errors meet
COMPLEX_STEP = 1e-30
Function = Callable[[Any], Any]  # an array in, one number out


def step_at(x: float, h: float = CENTRED_STEP) -> float:
    """h · max(1, |x|): a step that a large entry still feels."""
    return h * max(1.0, abs(x))


def nudged(f: Function, x: np.ndarray, place: int, by: complex) -> Any:
    """f(x + by · e_place) on a fresh copy; `place` counts the entries in row order."""
    moved = np.array(x, dtype=complex if isinstance(by, complex) else float)
    moved.reshape(-1)[place] += by
    return one_number(f(moved))


def centred(f: Function, x: Any, h: float = CENTRED_STEP) -> np.ndarray:
    """The gradient of `f` at `x` by centred differences, steps h · max(1, |x_i|)."""
    x = np.array(x, dtype=float)
    slopes = np.empty(x.size)
    for place, at in enumerate(x.reshape(-1).tolist()):
        step = step_at(at, h)
        width = (at + step) - (at - step)  # the step that was really made, after rounding
        slopes[place] = (nudged(f, x, place, step) - nudged(f, x, place, -step)) / width
    return slopes.reshape(x.shape)


def extrapolated(f: Function, x: np.ndarray, place: int, h: float = 1e-2, levels: int = 8) -> float:
    """One slope by Ridders (1982): centred differences at h, h/2, h/4 … extrapolated to step 0.

    Of the whole tableau, the entry that its neighbours agree with best; nan where f has no value.
    """
    best, least = np.nan, np.inf
    row: list[float] = []
    step = step_at(float(x.flat[place]), h)
    for _ in range(levels):
        new = [(nudged(f, x, place, step) - nudged(f, x, place, -step)) / (2 * step)]
        for order, old in enumerate(row):
            factor = 4.0 ** (order + 1)
            new.append((factor * new[order] - old) / (factor - 1))
            change = max(abs(new[-1] - new[-2]), abs(new[-1] - old))
            if change < least:
                best, least = new[-1], change
        row, step = new, step / 2
    return best


def complex_step(f: Function, x: Any, h: float = COMPLEX_STEP) -> np.ndarray:
    """The gradient of `f` at `x` by complex steps, to rounding error (Squire and Trapp 1998).

    `f` must be analytic where it is asked: `abs` and a comparison of complex numbers are not, so
    branch on the real part. A conjugate is wrong without a word.

    Raises ConfigError when `f` gives a real number for a complex input.
    """
    x = np.array(x, dtype=float)
    slopes = [complex_slope(f, x, place, h) for place in range(x.size)]
    return np.array(slopes).reshape(x.shape)


def complex_slope(f: Function, x: np.ndarray, place: int, h: float = COMPLEX_STEP) -> float:
    """One entry of `complex_step`."""
    value = nudged(f, x, place, complex(0.0, h))
    if not isinstance(value, complex):
        raise ConfigError(
            f"the function gives a real {type(value).__name__} for a complex input, so the complex "
            "step sees no slope; use no abs, float() or .real in it, or centred differences"
        )
    return value.imag / h


def forward_mode(f: Function, x: Any) -> np.ndarray:
    """The gradient of `f` at `x` by one pass of dual numbers for each entry."""
    x = np.array(x, dtype=float)
    slopes = np.zeros(x.size)
    for place in range(x.size):
        unit = np.zeros(x.size)
        unit[place] = 1.0
        value = f(Dual(x, unit.reshape(x.shape)))
        if isinstance(value, Dual):  # else it does not depend on x
            slopes[place] = one_number(value.slope)
    return slopes.reshape(x.shape)


def one_number(value: Any) -> Any:
    """`value` as one real or complex number. Raises ConfigError when it is not one."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biufc":
        given = f"an array of shape {array.shape}" if array.ndim else type(value).__name__
        raise ConfigError(f"the function gives {given}; a gradient needs one number, such as a sum")
    return array.reshape(()).item()


class Dual(NDArrayOperatorsMixin):
    """a + b ε with ε² = 0: a value beside its slope along one direction, in any array function.

    Arithmetic, `@`, comparisons (of the values), numpy's exp, log, tanh, sqrt, square, sin, cos,
    maximum, minimum, where and sum work. At a tie maximum and minimum follow their first argument.
    """

    __array_priority__ = 1000

    def __init__(self, value: Any, slope: Any = 0.0) -> None:
        self.value = np.asarray(value, dtype=float)
        self.slope = np.broadcast_to(np.asarray(slope, dtype=float), self.value.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def T(self) -> "Dual":
        return Dual(self.value.T, self.slope.T)

    def __getitem__(self, key: Any) -> "Dual":
        return Dual(self.value[key], self.slope[key])

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"Dual({self.value}, {self.slope})"

    def reshape(self, *shape: Any) -> "Dual":
        return Dual(self.value.reshape(*shape), self.slope.reshape(*shape))

    def sum(self, axis: Any = None, keepdims: bool = False, **_: Any) -> "Dual":
        """As numpy's; np.sum calls it with more arguments, which change nothing here."""
        return Dual(
            self.value.sum(axis=axis, keepdims=keepdims),
            self.slope.sum(axis=axis, keepdims=keepdims),
        )

    def mean(self, axis: Any = None, keepdims: bool = False, **_: Any) -> "Dual":
        """As numpy's."""
        total = self.sum(axis=axis, keepdims=keepdims)
        return total * (max(1, total.value.size) / self.value.size)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *given: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        pairs = [each if isinstance(each, Dual) else Dual(each) for each in given]
        values = [pair.value for pair in pairs]
        if ufunc in COMPARISONS:
            return ufunc(*values)
        if ufunc not in SLOPES:
            raise ConfigError(f"dual numbers do not know {ufunc.__name__}; add it to SLOPES")
        out = ufunc(*values)
        return Dual(out, SLOPES[ufunc](out, *values, *(pair.slope for pair in pairs)))

    def __array_function__(self, function: Any, _: Any, given: Any, options: Any) -> Any:
        if function is np.where and len(given) == 3:
            truth, a, b = given
            a, b = (each if isinstance(each, Dual) else Dual(each) for each in (a, b))
            return Dual(np.where(truth, a.value, b.value), np.where(truth, a.slope, b.slope))
        if function in (np.sum, np.mean):
            return getattr(given[0], function.__name__)(*given[1:], **options)
        raise ConfigError(f"dual numbers do not know np.{function.__name__}")


COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}


def _power(out: Any, x: Any, n: Any, dx: Any, dn: Any) -> Any:
    """n x^(n−1) dx + x^n log x dn; the second term only where the exponent moves."""
    base = n * np.power(x, np.where(n == 0, 1.0, n - 1.0)) * dx
    return base + out * np.log(np.where(dn == 0, 1.0, x)) * dn


SLOPES: dict[np.ufunc, Callable[..., Any]] = {  # (f(x…), x…, dx…) → df
    np.add: lambda _, x, y, dx, dy: dx + dy,
    np.subtract: lambda _, x, y, dx, dy: dx - dy,
    np.multiply: lambda _, x, y, dx, dy: dx * y + x * dy,
    np.divide: lambda out, x, y, dx, dy: (dx - out * dy) / y,
    np.matmul: lambda _, x, y, dx, dy: dx @ y + x @ dy,
    np.power: _power,
    np.negative: lambda _, x, dx: -dx,
    np.positive: lambda _, x, dx: dx,
    np.absolute: lambda _, x, dx: np.sign(x) * dx,
    np.reciprocal: lambda out, x, dx: -out * out * dx,
    np.square: lambda _, x, dx: 2 * x * dx,
    np.sqrt: lambda out, x, dx: dx / (2 * out),
    np.exp: lambda out, x, dx: out * dx,
    np.log: lambda _, x, dx: dx / x,
    np.tanh: lambda out, x, dx: (1 - out * out) * dx,
    np.sin: lambda _, x, dx: np.cos(x) * dx,
    np.cos: lambda _, x, dx: -np.sin(x) * dx,
    np.maximum: lambda _, x, y, dx, dy: np.where(x >= y, dx, dy),
    np.minimum: lambda _, x, y, dx, dy: np.where(x <= y, dx, dy),
}
